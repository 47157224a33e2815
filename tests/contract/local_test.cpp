// The local engine against the contract, and against what only it must withstand: killed supervisors and
// callers, run-away processes, stolen ports.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include <iostream>
#include <random>

#include <base/process.hpp>
#include <local/ports.hpp>

#include "local_fixture.hpp"

namespace simmer::contract {
namespace {

std::unique_ptr<EngineUnderTest> make_local() { return std::make_unique<LocalUnderTest>(); }
INSTANTIATE_TEST_SUITE_P(Local, EngineContract, ::testing::Values(&make_local));

// What is still in the pipes of the sandbox: a shell that starts children which get away in every way known.
const char* run_away = R"sh(
  setsid sleep 1000 &
  (setsid sh -c 'sleep 1000 & exit 0') &
  env -i setsid sh -c '(sleep 1000 &) ; exec sleep 1000' &
  trap '' HUP
  echo $$ > leader
  exec sleep 1000
)sh";

// Five sleepers in all, when the shells that started them have ended.
bool all_have_run_away(pid_t supervisor) {
  const auto all = local::descendants_of(supervisor, local::all_processes());
  return all.size() == 5 && std::all_of(all.begin(), all.end(), [](const auto& process) {
           return read_file_if_there("/proc/" + std::to_string(process.pid) + "/comm").value_or("") == "sleep\n";
         });
}

TEST_F(LocalEngineTest, NothingToRunIsTheRecipesFault) {
  auto wanted = spec("l-none", {sh_service("web", "true")});
  wanted.facts.services[0].local.reset();
  std::string message;
  EXPECT_EQ(kind_of_failure([&] { engine_.deploy(wanted, limit()); }, &message), ErrorKind::recipe);
  EXPECT_EQ(message, "nothing in it can run on the local engine: no service has an x-simmer-local section; --engine swarm runs it on Docker");
}

TEST_F(LocalEngineTest, AMissingProgramIsTheMachinesFaultUnlessTheRecipeBringsIt) {
  auto wanted = spec("l-missing", {sh_service("web", "true")});
  wanted.facts.services[0].local->command = {"no-such-server"};
  std::string message;
  EXPECT_EQ(kind_of_failure([&] { engine_.make_images_present(wanted, limit()); }, &message), ErrorKind::infrastructure);
  EXPECT_NE(message.find("no-such-server: not installed on this machine"), std::string::npos) << message;
  EXPECT_EQ(engine_.missing_images(wanted, limit()), std::vector<std::string>{message});
  EXPECT_EQ(engine_.missing_images(spec("l-missing", {sh_service("web", "true")}), limit()), std::vector<std::string>{});
  wanted.facts.services[0].local->command = {"${RECIPE_DIR}/serve"};
  EXPECT_EQ(kind_of_failure([&] { engine_.make_images_present(wanted, limit()); }, &message), ErrorKind::recipe);
  EXPECT_NE(message.find("serve"), std::string::npos);
}

TEST_F(LocalEngineTest, ATemplateMayNotLeaveTheRecipe) {
  make_folders(recipe());
  std::ofstream(scratch_.path() / "outside") << "secret of the host";
  fs::create_symlink("../outside", recipe() / "link");
  for (const std::string source : {"../outside", "link", "/etc/hostname", "not-there"}) {
    auto wanted = spec("l-leave", {sh_service("web", "true")});
    wanted.facts.services[0].local->files = {{"f", source}};
    EXPECT_EQ(kind_of_failure([&] { engine_.deploy(wanted, limit()); }), ErrorKind::recipe) << source;
  }
  for (const std::string target : {"../f", "/f", ""}) {
    auto wanted = spec("l-leave", {sh_service("web", "true")});
    wanted.facts.services[0].local->files = {{target, "nginx.conf.in"}};
    EXPECT_EQ(kind_of_failure([&] { engine_.deploy(wanted, limit()); }), ErrorKind::recipe) << target;
  }
}

TEST_F(LocalEngineTest, AllBuiltInNamesExpandAndWinOverTheEnvironment) {
  auto web = sh_service("web", "env > env; exec sleep 1000");
  web.local->environment = {{"ALL",
                             "${PORT_web} ${PORT_side} ${VOLUME_content} ${SECRET_token_FILE} ${RUN_DIR} ${RECIPE_DIR} ${DOMAIN} "
                             "${STACK_NAME} ${TEXT} $${TEXT}"}};
  auto side = sh_service("side", "exec sleep 1000");
  auto wanted = spec("l-names", {web, side});
  wanted.env["DOMAIN"] = "wrong";
  engine_.deploy(wanted, limit());
  const auto stack = folder("l-names");
  ASSERT_TRUE(
      eventually([&] { return read_file_if_there(stack.run("web") / "env").value_or("").find("ALL=") != std::string::npos; }));
  const auto port = [&](const std::string& service) { return engine_.endpoint("l-names", service, limit()).substr(17); };
  const std::string env = read_file(stack.run("web") / "env");
  EXPECT_NE(env.find("ALL=" + port("web") + " " + port("side") + " " + (stack.volumes() / "content").string() + " " +
                     stack.secret("token").string() + " " + stack.run("web").string() + " " + fs::canonical(recipe()).string() +
                     " l-names.example.org l-names hello ${TEXT}\n"),
            std::string::npos)
      << env;
  EXPECT_EQ(env.find("s3cret"), std::string::npos);
  EXPECT_NE(env.find("HOME=" + stack.run("web").string() + "\n"), std::string::npos);
  struct stat info;
  ASSERT_EQ(::stat(stack.secret("token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(stack.secrets().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_F(LocalEngineTest, UndeployEndsRunAwayProcesses) {
  engine_.deploy(spec("l-away", {sh_service("web", run_away)}), limit());
  ASSERT_TRUE(eventually([&] { return fs::exists(folder("l-away").run("web") / "leader"); }));
  const pid_t supervisor_pid = supervisor("l-away").pid;
  ASSERT_TRUE(eventually([&] { return all_have_run_away(supervisor_pid); }));
  const auto all = local::descendants_of(supervisor_pid, local::all_processes());
  engine_.undeploy("l-away", limit());
  for (const auto& process : all) EXPECT_FALSE(is_alive({process.pid, process.start_time, this_boot_id()})) << process.pid;
}

TEST_F(LocalEngineTest, ARestartLeavesNothingOfTheFormerProcess) {
  // The leader dies, its children would go on.
  engine_.deploy(
      spec("l-crumbs",
           {sh_service("web", "sleep 1000 & setsid sleep 1000 & echo $! >> ${VOLUME_content}/pids; sleep 0.02; exit 1")}),
      limit());
  ASSERT_TRUE(eventually([&] { return engine_.state("l-crumbs", limit()).deaths >= 3; }));
  EXPECT_LE(processes_of("l-crumbs"), 6U);
}

TEST_F(LocalEngineTest, AKilledSupervisorTakesItsServicesAndIsNoticed) {
  engine_.deploy(spec("l-killed", {sh_service("web", run_away)}), limit());
  const auto id = supervisor("l-killed");
  ASSERT_TRUE(eventually([&] { return all_have_run_away(id.pid); }));
  // One of them has no mark, no session and no parent of ours any more: only the record knows it.
  ASSERT_TRUE(eventually([&] { return folder("l-killed").running().value().seen.size() == 5; }));
  const auto all = folder("l-killed").running().value().seen;
  ASSERT_EQ(::kill(id.pid, SIGKILL), 0);
  const auto state = engine_.wait_converged("l-killed", limit());
  EXPECT_EQ(state.state, Convergence::State::failed);
  EXPECT_NE(state.reason.find("supervisor died"), std::string::npos) << state.reason;
  for (const auto& process : all) EXPECT_FALSE(is_alive(process)) << process.pid;
  ASSERT_TRUE(engine_.deployed("l-killed", limit()));
  EXPECT_FALSE(engine_.deployed("l-killed", limit())->running);
  deploy_and_converge(spec("l-killed", {nginx_service("web")}));
  EXPECT_EQ(http_get(engine_.endpoint("l-killed", "", limit()) + "/"), "hello\n");
}

TEST_F(LocalEngineTest, RemoveTakesThePortLocksOfAKilledSupervisorToo) {
  deploy_and_converge(spec("l-lock", {nginx_service("web")}));
  const fs::path lock = local::ports_folder() / engine_.endpoint("l-lock", "", limit()).substr(17);
  ASSERT_TRUE(fs::exists(lock));
  ::kill(supervisor("l-lock").pid, SIGKILL);
  engine_.remove("l-lock", limit());
  EXPECT_FALSE(fs::exists(lock));
}

TEST_F(LocalEngineTest, AfterARebootItIsNotTakenForRunning) {
  deploy_and_converge(spec("l-reboot", {nginx_service("web")}));
  auto record = folder("l-reboot").running().value();
  const auto id = record.supervisor;
  ::kill(id.pid, SIGKILL);
  ASSERT_TRUE(local::wait_until_gone(id, limit()));
  record.supervisor.boot_id = record.leaders["web"].boot_id = "another-boot";
  record.leaders["web"].pid = ::getpid();  // the number is somebody else's now: ours
  folder("l-reboot").write_running(record);
  const auto state = engine_.state("l-reboot", limit());
  EXPECT_EQ(state.state, Convergence::State::failed);
  EXPECT_NE(state.reason.find("machine was restarted"), std::string::npos) << state.reason;
  engine_.remove("l-reboot", limit());
  EXPECT_TRUE(engine_.inventory("", limit()).empty());
}

TEST_F(LocalEngineTest, ACallerKilledAtAnyInstantLeavesWhatRemoveCleans) {
  spec("l-mid", {});  // makes the recipe's folder
  std::mt19937 random{4711};
  for (int round = 0; round < 40; ++round) {
    const pid_t deployer = start_deployer("l-mid");
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));  // the moment is the test
    ::kill(-deployer, SIGKILL);
    ::waitpid(deployer, nullptr, 0);
    engine_.remove("l-mid", limit());
    ASSERT_FALSE(fs::exists(folder("l-mid").path())) << "round " << round;
    ASSERT_EQ(processes_of("l-mid"), 0U) << "round " << round;
  }
  deploy_and_converge(spec("l-mid", {nginx_service("web")}));
}

TEST_F(LocalEngineTest, TheSupervisorOutlivesItsCallerAndInheritsNothing) {
  spec("l-alone", {});
  const Fd leak(::open("/etc/hostname", O_RDONLY));  // without close-on-exec, on purpose
  ::fcntl(leak.get(), F_SETFD, 0);
  const pid_t deployer = start_deployer("l-alone");
  int status = 0;
  ::waitpid(deployer, &status, 0);
  ASSERT_EQ(status, 0);
  ::kill(-deployer, SIGHUP);
  ASSERT_EQ(engine_.wait_converged("l-alone", limit()).state, Convergence::State::converged);
  const pid_t pid = supervisor("l-alone").pid;
  EXPECT_EQ(::getsid(pid), pid);
  std::vector<std::string> open;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    open.push_back(fs::read_symlink(entry.path(), gone).string());
  }
  EXPECT_EQ(std::count(open.begin(), open.end(), "/etc/hostname"), 0);
  const auto leader = folder("l-alone").running().value().leaders.at("web").pid;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(leader) + "/fd")) {
    std::error_code gone;
    const std::string target = fs::read_symlink(entry.path(), gone).string();
    EXPECT_EQ(target.find(folder("l-alone").lock().string()), std::string::npos) << "the lock was inherited";
    EXPECT_NE(target, "/etc/hostname");
  }
}

TEST_F(LocalEngineTest, AskingAgainAndAgainLeaksNoDescriptor) {
  deploy_and_converge(spec("l-fds", {nginx_service("web"), sh_service("side", "exec sleep 1000")}));
  const auto count = [](pid_t pid) {
    const auto folder = fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd");
    return std::distance(fs::begin(folder), fs::end(folder));
  };
  const pid_t pid = supervisor("l-fds").pid;
  const auto before = count(pid);
  const auto ours = count(::getpid());
  for (int i = 0; i < 30; ++i) {
    engine_.state("l-fds", limit());
    auto wanted = spec("l-fds", {nginx_service("web"), sh_service("side", "exec sleep " + std::to_string(1000 + i))});
    engine_.upgrade(wanted, limit());
    engine_.wait_converged("l-fds", limit());
  }
  EXPECT_TRUE(eventually([&] { return count(pid) <= before; })) << count(pid) << " instead of " << before;
  EXPECT_EQ(count(::getpid()), ours);
}

TEST_F(LocalEngineTest, AStolenPortIsRecognisedAndLeft) {
  // The service waits until a stranger, this test, listens on its port, and then listens nowhere.
  auto web = nginx_service("web");
  web.local->command = {"sh", "-c",
                        "echo ${PORT} > ${VOLUME_content}/port; while [ ! -e ${VOLUME_content}/go ]; do sleep 0.01; done; exec "
                        "nginx -e stderr -p ${RUN_DIR} -c ${RUN_DIR}/nginx.conf"};
  engine_.deploy(spec("l-stolen", {web}), limit());
  const auto url = engine_.endpoint("l-stolen", "", limit());
  const Fd thief(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(17))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(thief.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(thief.get(), 8), 0);
  std::ofstream(folder("l-stolen").volumes() / "content" / "go") << "";
  const auto end = engine_.wait_converged("l-stolen", limit());
  ASSERT_EQ(end.state, Convergence::State::converged) << end.reason;
  const auto moved = engine_.endpoint("l-stolen", "", limit());
  EXPECT_NE(moved, url);
  EXPECT_EQ(http_get(moved + "/"), "hello\n");
}

TEST_F(LocalEngineTest, AKeptAppHasItsPortsForEver) {
  auto wanted = spec("l-kept", {nginx_service("web")});
  wanted.kept = true;
  deploy_and_converge(wanted);
  const auto url = engine_.endpoint("l-kept", "", limit());
  ::kill(supervisor("l-kept").pid, SIGKILL);  // and deployed again while it is still dying
  deploy_and_converge(wanted);
  EXPECT_EQ(engine_.endpoint("l-kept", "", limit()), url);
  engine_.remove("l-kept", limit());
  deploy_and_converge(wanted);
  EXPECT_EQ(engine_.endpoint("l-kept", "", limit()), url);
  engine_.undeploy("l-kept", limit());

  const auto thief = local::PortLease::take(std::stoi(url.substr(17)));
  ASSERT_TRUE(thief);
  std::string message;
  EXPECT_EQ(kind_of_failure([&] { engine_.deploy(wanted, limit()); }, &message), ErrorKind::infrastructure);
  EXPECT_NE(message.find(url.substr(17)), std::string::npos) << message;
  engine_.forget("l-kept");
  deploy_and_converge(wanted);
  EXPECT_NE(engine_.endpoint("l-kept", "", limit()), url);
}

TEST_F(LocalEngineTest, AHangingSupervisorIsEndedWithAllItHas) {
  deploy_and_converge(spec("l-hang", {nginx_service("web")}));
  const auto id = supervisor("l-hang");
  ::kill(id.pid, SIGSTOP);
  engine_.remove("l-hang", limit(1500));
  EXPECT_FALSE(is_alive(id));
  EXPECT_TRUE(engine_.inventory("", limit()).empty());
}

TEST_F(LocalEngineTest, ASupervisorWhoseFolderIsRemovedLeaves) {
  deploy_and_converge(spec("l-gone", {nginx_service("web")}));
  const auto id = supervisor("l-gone");
  // What runs there still writes while we remove, so a single pass may find a folder full again.
  ASSERT_TRUE(eventually([&] {
    try {
      remove_tree(folder("l-gone").path());
      return true;
    } catch (const Error&) {
      return false;
    }
  }));
  EXPECT_TRUE(local::wait_until_gone(id, limit()));
  EXPECT_EQ(processes_of("l-gone"), 0U);
}

TEST_F(LocalEngineTest, FiftyDeploymentsLeaveNothing) {
  const auto locks = [] {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(local::ports_folder())) names.insert(entry.path().filename());
    return names;
  };
  std::set<std::string> used;
  for (int i = 0; i < 50; ++i) {
    deploy_and_converge(spec("l-fifty", {nginx_service("web")}));
    used.insert(engine_.endpoint("l-fifty", "", limit()).substr(17));
    engine_.remove("l-fifty", limit());
  }
  EXPECT_TRUE(engine_.inventory("", limit()).empty());
  for (const auto& port : used) EXPECT_FALSE(locks().contains(port)) << port;
  EXPECT_EQ(processes_of("l-fifty"), 0U);
  for (const auto& entry : fs::directory_iterator(state())) EXPECT_EQ(entry.path().filename(), ".clients");
}

TEST_F(LocalEngineTest, LongPathsWork) {
  fs::path deep = scratch_.path();
  while (deep.string().size() < 300) deep /= "a-rather-long-folder-name";
  LocalEngine engine(options_for(deep));
  engine.deploy(spec("l-long", {nginx_service("web")}), limit());
  EXPECT_EQ(engine.wait_converged("l-long", limit()).state, Convergence::State::converged);
  EXPECT_EQ(http_get(engine.endpoint("l-long", "", limit()) + "/"), "hello\n");
  engine.remove("l-long", limit());
}

TEST_F(LocalEngineTest, LogsAreCapped) {
  engine_.deploy(
      spec("l-logs", {sh_service("web", "head -c 25000000 /dev/zero | tr '\\0' 'x' | fold; echo end; exec sleep 1000")}),
      limit());
  ASSERT_TRUE(eventually([&] { return engine_.logs("l-logs", "web", 1, limit()).ends_with("end\n"); }));
  EXPECT_LE(fs::file_size(folder("l-logs").log("web")), 10U << 20);
  EXPECT_LE(fs::file_size(folder("l-logs").path() / "logs" / "web.log.1"), 10U << 20);
}

TEST_F(LocalEngineTest, RecipeContentCountsInAnUpgradeAndItsPlaceDoesNot) {
  auto web = sh_service("web", "exec sleep 1000 # ${RECIPE_DIR}");
  deploy_and_converge(spec("l-tree", {web}));
  const auto leader = [&] { return folder("l-tree").running().value().leaders.at("web").pid; };
  const pid_t first = leader();
  fs::copy(recipe(), scratch_.path() / "elsewhere", fs::copy_options::recursive);
  engine_.upgrade(spec_of(scratch_.path() / "elsewhere", "l-tree", {web}), limit());
  EXPECT_EQ(leader(), first);
  std::ofstream(scratch_.path() / "elsewhere" / "data") << "changed";
  engine_.upgrade(spec_of(scratch_.path() / "elsewhere", "l-tree", {web}), limit());
  EXPECT_TRUE(
      eventually([&] { return engine_.state("l-tree", limit()).state == Convergence::State::converged && leader() != first; }));
}

TEST_F(LocalEngineTest, AnOrdinaryUserCanDoAllOfIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: every test here runs as an ordinary user already";
  spec("l-user", {});
  const fs::path home = scratch_.path() / "user";
  make_folders(home);
  ASSERT_EQ(::chown(home.c_str(), 65534, 65534), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
      ::_exit(3);
    ::execl(this_program().c_str(), "deploy", "--round-trip", home.c_str(), recipe().c_str(), "l-user", nullptr);
    ::_exit(4);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

int deploy_only(char** argv) {
  try {
    LocalEngine engine(options_for(argv[2]));
    engine.deploy(spec_of(argv[3], argv[4], {nginx_service("web"), sh_service("away", run_away)}),
                  Limit::in(milliseconds(20000)));
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

int round_trip(char** argv) {
  try {
    LocalEngine engine(options_for(argv[2]));
    const auto limit = Limit::in(milliseconds(20000));
    engine.deploy(spec_of(argv[3], argv[4], {nginx_service("web")}), limit);
    const auto end = engine.wait_converged(argv[4], limit);
    if (end.state != Convergence::State::converged) throw Error(ErrorKind::internal, end.reason + "\n" + end.log_tail);
    const auto page = http_get(engine.endpoint(argv[4], "", limit) + "/");
    engine.remove(argv[4], limit);
    return page == "hello\n" && engine.inventory("", limit).empty() ? 0 : 1;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}

}  // namespace
}  // namespace simmer::contract

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "--local-supervisor") return simmer::run_local_supervisor(argc, argv);
  if (mode == "--deploy") return simmer::contract::deploy_only(argv);
  if (mode == "--round-trip") return simmer::contract::round_trip(argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
