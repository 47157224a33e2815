// Simmer's reading of compose files held against Docker's own: docker/cli's loader, 20.10 and 28, in two small Go programs
// (tests/compose-oracle, built by its build.sh). For every generated recipe one of two things is true:
//
//   - Simmer refuses it, or
//   - the one file that Simmer hands over is to Docker what the recipe's own files are, to both versions alike,
//
// and what Docker would let reach out of its stack is refused by the policy. The counts are printed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>

#include <base/files.hpp>
#include <base/json_text.hpp>
#include <base/process.hpp>
#include <recipes/recipe_tree.hpp>
#include <simmer/error.hpp>
#include <swarm/stack_file.hpp>

#include "compose-oracle/oracle.hpp"
#include "generator.hpp"
#include "unit/base/scratch_folder.hpp"

namespace simmer::differential {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* stack = "run-1";
constexpr const char* domain = "run-1.example.org";

struct Answer {
  std::string refusal;  // why Simmer refuses to read it
  std::string file;     // else: what Docker gets
  Json objects = Json::object();
  std::vector<PolicyViolation> violations;
};

std::map<std::string, std::string> environment_of(const Case& made) {
  auto env = made.env;
  std::string names;
  for (std::size_t i = 0; i < made.files.size(); ++i) names += (i > 0 ? ":" : "") + std::string("compose.") + std::to_string(i) + ".yml";
  env["COMPOSE_FILE"] = names;
  return env;
}

Answer ask_simmer(const Case& made, const fs::path& folder) {
  Answer answer;
  for (std::size_t i = 0; i < made.files.size(); ++i) std::ofstream(folder / ("compose." + std::to_string(i) + ".yml"), std::ios::binary) << made.files[i];
  for (const auto& [name, text] : made.tree) std::ofstream(folder / name, std::ios::binary) << text;
  try {
    const auto tree = read_recipe_tree(folder, "case", environment_of(made));
    answer.violations = judge_policy(tree, stack, domain, {}, "proxy");
    DeploySpec spec;
    spec.stack = stack;
    spec.domain = domain;
    spec.run_id = "run";
    spec.asked_directly = false;
    spec.facts = tree.facts;
    spec.objects = tree.objects;
    for (const auto& object : tree.objects) answer.objects[swarm::name_of(spec, object)] = {{"content", object.content}, {"template", object.template_driver}, {"labels", object.labels}};
    spec.compose = one_file(tree);
    spec.asked_limits = tree.limits;
    answer.file = swarm::stack_file(spec, "NODE", "instance");
  } catch (const Error& error) {
    answer.refusal = error.message();
    EXPECT_EQ(error.kind(), ErrorKind::recipe) << made.id << ": " << error.message();
    EXPECT_EQ(error.message().find_first_of("\n\x1b"), std::string::npos) << made.id;
  }
  return answer;
}

Json question(const std::string& id, const std::vector<std::string>& files, const std::map<std::string, std::string>& env, const Case& made) {
  Json json = {{"id", id}, {"env", env}, {"tree", made.tree}, {"stack", stack}};
  for (std::size_t i = 0; i < files.size(); ++i) json["files"].push_back({{"name", std::to_string(i)}, {"text", files[i]}});
  return json;
}

std::map<std::string, Json> ask_docker(const std::string& program, const std::string& questions) {
  const auto done = run_command({{program}, {}, false, {}, questions}, Limit::in(std::chrono::minutes(10)));
  EXPECT_EQ(done.exit_code, 0) << program << ": " << done.err;
  std::map<std::string, Json> answers;
  std::istringstream lines(done.out);
  for (std::string line; std::getline(lines, line);) {
    Json answer = Json::parse(line);
    const std::string id = answer["id"];
    answers[id] = std::move(answer);
  }
  return answers;
}

void drop_if_empty(Json& owner, const char* key) {
  if (owner.contains(key) && owner[key].empty()) owner.erase(key);
}

void unmark_labels(Json& owner) {
  if (!owner.contains("Labels")) return;
  auto& labels = owner["Labels"];
  for (auto label = labels.begin(); label != labels.end();) label = label.key().starts_with("simmer.") ? labels.erase(label) : std::next(label);
  drop_if_empty(owner, "Labels");
}

// Without what Simmer adds on purpose.
Json unmarked(Json config) {
  if (config.is_null()) return config;
  for (auto& service : config["services"]) {
    unmark_labels(service);
    if (!service.contains("Deploy")) continue;
    auto& deploy = service["Deploy"];
    unmark_labels(deploy);
    if (deploy.contains("Placement") && deploy["Placement"].contains("Constraints")) {
      auto& constraints = deploy["Placement"]["Constraints"];
      if (constraints.back() == "node.id == NODE") constraints.erase(constraints.size() - 1);
      drop_if_empty(deploy["Placement"], "Constraints");
    }
    drop_if_empty(deploy, "Placement");
    drop_if_empty(service, "Deploy");
  }
  for (const char* section : {"volumes", "networks"}) {
    if (!config.contains(section)) continue;
    for (auto& each : config[section]) {
      unmark_labels(each);
      // Of what is external, the name is all that counts.
      if (each.contains("External")) each = {{"External", each["External"]}, {"Name", each.value("Name", "")}};
    }
  }
  if (config.contains("networks") && config["networks"].contains("default") && config["networks"]["default"].empty()) config["networks"].erase("default");
  drop_if_empty(config, "networks");
  for (const char* section : {"secrets", "configs"})
    if (config.contains(section))
      for (auto& each : config[section])
        if (each.contains("External")) each = {{"External", each["External"]}, {"Name", each.value("Name", "")}};
  return config;
}

std::string shown(const Json& answer) { return answer.contains("error") ? "error: " + answer["error"].get<std::string>() : answer["config"].dump(); }

// What 20.10 cannot read at all, and 28 can: the version, what came with a later one, and a volume or network of a later file
// that has labels or options where the earlier one has none, over which 20.10's merge panics.
// To 20.10 "3" is 3.0, and to 28 the newest.
bool is_beyond_20(const Case& made, const Json& answer) {
  const std::string error = answer.value("error", "");
  for (const char* line : {"version: \"3\"\n", "version: '3'\n"})
    if (made.files[0].find(line) != std::string::npos) return true;
  return error.find("unsupported Compose file version") != std::string::npos || error.find("Additional property") != std::string::npos || error.find("version mismatched") != std::string::npos || error.find("panic: reflect") != std::string::npos;
}

std::string files_of(const Case& made) {
  std::string all;
  for (const auto& file : made.files) all += "----\n" + file;
  return all;
}

struct Counts {
  std::size_t cases = 0, ordinary = 0, ordinary_handed_over = 0, handed_over = 0, refused_by_both = 0, refused_where_docker_differs = 0, refused_where_docker_agrees = 0, attacks = 0, attacks_refused = 0, only_28 = 0;
};

TEST(Differential, WhatDockerGetsIsWhatTheRecipeSaysToDocker) {
  SIMMER_NEEDS_ORACLE("oracle20");
  SIMMER_NEEDS_ORACLE("oracle28");
  const char* wanted = std::getenv("SIMMER_DIFFERENTIAL_CASES");
  const std::size_t count = wanted != nullptr ? std::stoul(wanted) : 6000;
  const char* seed = std::getenv("SIMMER_DIFFERENTIAL_SEED");
  Generator generator(seed != nullptr ? static_cast<unsigned>(std::stoul(seed)) : 1);
  const test::ScratchFolder scratch;
  std::vector<Case> cases;
  std::vector<Answer> answers;
  std::string questions;
  for (std::size_t i = 0; i < count; ++i) {
    cases.push_back(generator.next(i));
    const fs::path folder = scratch.path() / std::to_string(i);
    fs::create_directory(folder);
    answers.push_back(ask_simmer(cases.back(), folder));
    fs::remove_all(folder);
    questions += json_line(question("o" + std::to_string(i), cases.back().files, environment_of(cases.back()), cases.back())) + "\n";
    if (answers.back().file.empty()) continue;
    Json handed = question("x" + std::to_string(i), {answers.back().file}, {}, {});
    handed["objects"] = answers.back().objects;
    questions += json_line(handed) + "\n";
  }
  auto asked_20 = std::async(std::launch::async, ask_docker, test::oracle("oracle20"), questions);
  const auto by_28 = ask_docker(test::oracle("oracle28"), questions), by_20 = asked_20.get();

  Counts counts;
  std::map<std::string, std::string> needless;  // a refusal's shape -> the first case
  for (std::size_t i = 0; i < count && !::testing::Test::HasFatalFailure(); ++i) {
    const auto& made = cases[i];
    const auto& answer = answers[i];
    const std::string number = std::to_string(i);
    const Json &old_way = by_20.at("o" + number), &new_way = by_28.at("o" + number);
    const bool old_reads = !old_way.contains("error"), new_reads = !new_way.contains("error");
    const Json old_config = unmarked(old_way.value("config", Json())), new_config = unmarked(new_way.value("config", Json()));
    ++counts.cases;
    counts.ordinary += made.ordinary;
    if (old_way.contains("reaches") || new_way.contains("reaches")) {
      ++counts.attacks;
      const bool refused = !answer.refusal.empty() || !answer.violations.empty();
      counts.attacks_refused += refused;
      EXPECT_TRUE(refused) << made.id << " reaches out: " << (old_way.contains("reaches") ? old_way : new_way)["reaches"] << "\n" << files_of(made);
    }
    if (!answer.refusal.empty()) {
      if (!old_reads && !new_reads) {
        ++counts.refused_by_both;
      } else if (old_reads != new_reads || old_config != new_config) {
        ++counts.refused_where_docker_differs;
      } else {
        ++counts.refused_where_docker_agrees;
        std::string shape;
        for (const char c : answer.refusal.substr(std::min(answer.refusal.find(' '), answer.refusal.size()))) shape += c >= '0' && c <= '9' ? '#' : c;
        needless.emplace(shape, made.id);
      }
      // Where 20.10 cannot say what it would have merged, what it is known to merge differently is refused all the same.
      const bool merged = answer.refusal.find("merge that differently") != std::string::npos;
      const bool readable = new_reads && (old_reads ? old_config == new_config : is_beyond_20(made, old_way) && !merged);
      EXPECT_FALSE(made.ordinary && readable) << made.id << " is refused: " << answer.refusal << "\n" << files_of(made);
      continue;
    }
    ++counts.handed_over;
    counts.ordinary_handed_over += made.ordinary;
    const Json &old_handed = by_20.at("x" + number), &new_handed = by_28.at("x" + number);
    const auto explain = [&] { return made.id + "\n" + files_of(made) + "---- handed over\n" + answer.file + "---- 20.10 reads\n" + shown(old_way) + "\n---- 28 reads\n" + shown(new_way) + "\n---- of the one file 20.10 reads\n" + shown(old_handed) + "\n---- 28\n" + shown(new_handed) + "\n"; };
    if (!new_reads) {
      ADD_FAILURE() << "Docker 28 refuses what Simmer hands over: " << explain();
      continue;
    }
    EXPECT_EQ(unmarked(new_handed.value("config", Json())), new_config) << explain();
    if (old_reads) {
      EXPECT_EQ(old_config, new_config) << "20.10 and 28 differ: " << explain();
      EXPECT_EQ(unmarked(old_handed.value("config", Json())), new_config) << explain();
    } else {
      ++counts.only_28;
      EXPECT_TRUE(is_beyond_20(made, old_way)) << "only 28 reads it: " << explain();
      EXPECT_TRUE(old_handed.contains("error") || unmarked(old_handed["config"]) == new_config) << explain();
    }
  }
  std::cout << "differential: " << counts.cases << " cases; handed over and read alike " << counts.handed_over << " (" << counts.only_28 << " of them by Docker 28 alone; of the " << counts.ordinary << " ordinary ones " << counts.ordinary_handed_over << "); refused: by Docker as well " << counts.refused_by_both << ", read differently by 20.10 and 28 "
            << counts.refused_where_docker_differs << ", by Simmer alone " << counts.refused_where_docker_agrees << "; reach out " << counts.attacks << ", of those refused " << counts.attacks_refused << "\n";
  for (const auto& [shape, id] : needless) std::cout << "  refused by Simmer alone:" << shape << " (" << id << ")\n";
  EXPECT_GT(counts.handed_over, counts.cases / 5) << "nothing is compared when everything is refused";
  EXPECT_GT(counts.attacks, counts.cases / 20);
  EXPECT_EQ(counts.attacks, counts.attacks_refused);
}

}  // namespace
}  // namespace simmer::differential
