// The process that owns one deployment: its services, its ports, its socket. It lives exactly as long
// as the deployment does, whoever started it; the lock on <folder>/lock proves that it lives.
//
// One thread, one epoll; everything is an event but "does it listen yet?", which only looking can tell
// and which is looked for only while something converges. Requests are JSON lines:
//
//   {"op":"status"}                      -> the status, see Supervisor::status()
//   {"op":"watch"}                       -> the status now and after each change
//   {"op":"service","name":N}            -> what exec() needs: running, env, working_dir
//   {"op":"apply","blueprint":TEXT,"secrets":{}}  -> ok: an upgrade has been accepted
//   {"op":"stop"}, {"op":"start"}        -> ok: all services have ended; are being started
//   {"op":"end","within_ms":N}           -> ok, killed: all has ended, and the supervisor leaves
//
// A failure is {"error":{"kind":K,"message":M}}.
#pragma once

namespace simmer::local {

// `folder`: the stack's. Returns the exit code of the process.
int supervise(const char* folder);

}  // namespace simmer::local
