// Places where a test may kill the whole of Simmer, to show that nothing depends on getting further.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace simmer {

// Does nothing unless SIMMER_CRASH_COUNT names a file: then every call, in whatever process of the
// command, adds one line with `where` to it; and when SIMMER_CRASH_AT is that line's number, all of
// this command's processes are ended by SIGKILL, here and now.
void crash_point(std::string_view where);

// Who dies with us: our own process always does; the parent of a run names its child's group, the
// child names its parent. 0: nobody.
void set_crash_companion(pid_t pid_or_negative_group);

}  // namespace simmer
