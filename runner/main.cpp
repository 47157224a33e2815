// The `simmer` program. It also is, by hidden flags that only Simmer itself uses: the supervisor of a local
// deployment, the child of a run, and the child that checks a plugin.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>

#include <base/interruption.hpp>
#include <base/process.hpp>
#include <commands.hpp>
#include <console.hpp>
#include <local/local_engine.hpp>
#include <nlohmann/json.hpp>
#include <options.hpp>
#include <printable_output.hpp>
#include <plugin_check.hpp>
#include <runs/error_kind.hpp>
#include <simmer/error.hpp>
#include <wiring.hpp>

namespace simmer {

namespace {

using CommandFunction = int (*)(const Invocation&);

struct CommandEntry {
  CommandFunction function;
  std::vector<std::string> options;
};

const std::map<std::string, CommandEntry>& commands() {
  static const std::map<std::string, CommandEntry> all = {
      {"run", {command_run, {"ref", "quick", "tiers", "keep"}}},
      {"canonical", {command_canonical, {"fresh", "yes"}}},
      {"snapshot", {command_snapshot, {"to"}}},
      {"recipe", {command_recipe, {"ref"}}},
      {"plugin", {command_plugin, {}}},
      {"alerts", {command_alerts, {"all"}}},
      {"status", {command_status, {}}},
      {"recover", {command_recover, {"dry-run"}}},
      {"gc", {command_gc, {"dry-run"}}},
      {"doctor", {command_doctor, {}}},
  };
  return all;
}

// Words of the contract whose parts are still to be built: said as such, not as a typing error.
const std::vector<std::string> to_come = {"reconcile", "rollback", "sweep", "lease", "hold", "why", "serve", "init", "history", "selftest"};

int dispatch(const CommandLine& line, PrintableOutput& output, const std::function<void(const Error&)>& end) {
  const bool json = wants_json(line);
  if (line.has("help")) {
    if (json) print_json({{"usage", usage_text()}});
    else std::cout << usage_text();
    return 0;
  }
  if (line.has("version")) {
    if (json) print_json({{"program", "simmer"}, {"version", SIMMER_VERSION}});
    else std::cout << "simmer " << SIMMER_VERSION << "\n";
    return 0;
  }
  if (line.words.empty()) {
    if (json) throw Error(ErrorKind::usage, "no command was given (see: simmer --help)");
    std::cerr << usage_text();
    return 2;
  }
  const std::string& word = line.words.front();
  const auto found = commands().find(word);
  if (found == commands().end()) {
    if (std::find(to_come.begin(), to_come.end(), word) != to_come.end())
      throw Error(ErrorKind::usage, "the command '" + word + "' is not built yet in this version");
    std::vector<std::string> names;
    for (const auto& [name, entry] : commands()) names.push_back(name);
    throw Error(ErrorKind::usage, "no command '" + word + "'" + did_you_mean(word, names) + " (see: simmer --help)");
  }
  allow_options(line, word, found->second.options);
  Interruption interruption;
  Session session;
  session.config = configuration_for(line);
  session.state = StateFolder(session.config.state);
  session.make_engine = [&] { return make_engine(session.config.engine, session.config.state, session.config.engines); };
  session.child_command = {this_program().string(), "--run-child"};
  session.command_line = line.typed;
  session.interruption = &interruption;
  Console console(log_level_from(log_level_for(line, session.config)), output.terminal());
  session.progress = &console;
  session.end = end;
  for (const auto& key : session.config.without_effect)
    console.line(LogLevel::warning, session.config.file.string() + ": the key " + key + " has no effect in this version");
  return found->second.function({line, session, json});
}

// One line for people, and with --json the one document that standard output is to be.
int refuse(std::string what, const std::string& kind, int code, int argc, char** argv) {
  std::replace(what.begin(), what.end(), '\n', ' ');
  std::cerr << "simmer: " << what << std::endl;
  if (wants_json(argc, argv) && !json_was_printed()) print_json({{"error", what}, {"kind", kind}, {"exit_code", code}});
  return code;
}

// A descriptor that is closed would be that of the next file that is opened, and what is printed would stand in it. This one cannot be written to.
void keep_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY));
}

// Whoever closed the pipe wanted no more of it; everything else is not to be taken for an answer.
int with_written_output(int code, const PrintableOutput& output) {
  std::cout << std::flush;
  const int failure = output.failure();
  if (failure == 0 || failure == EPIPE) return code;
  std::cerr << "simmer: standard output cannot be written: " << std::strerror(failure) << "; what was done is done, its answer is lost" << std::endl;
  return code == 0 ? exit_code_of(ErrorKind::unavailable) : code;
}

int run(int argc, char** argv) {
  keep_standard_descriptors();
  PrintableOutput output;
  const auto refuse_for = [&](const Error& error) { return refuse(error.what(), to_text(error.kind()), exit_code_of(error.kind()), argc, argv); };
  try {
    return with_written_output(dispatch(parse_command_line(argc, argv), output, [&](const Error& error) { std::_Exit(refuse_for(error)); }), output);
  } catch (const Error& error) {
    return refuse_for(error);
  } catch (const std::exception& error) {
    return refuse(std::string("a defect of Simmer itself: ") + error.what(), to_text(ErrorKind::internal), exit_code_of(ErrorKind::internal), argc, argv);
  }
}

}  // namespace

}  // namespace simmer

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--local-supervisor") == 0) return simmer::run_local_supervisor(argc, argv);
  if (argc == 3 && std::strcmp(argv[1], "--run-child") == 0) simmer::run_child(std::atoi(argv[2]), simmer::child_adapters());
  if (argc == 3 && std::strcmp(argv[1], "--check-plugin") == 0) return simmer::check_plugin_here(argv[2]);
  return simmer::run(argc, argv);
}
