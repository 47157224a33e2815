// The tests that every plugin must pass, as one function: usable from GoogleTest, from a program of
// one's own, and run by `simmer plugin check FILE`.
//
//   const auto report = simmer::testkit::check_conformance({.create = …, .facts = …, .prepare = …});
//   EXPECT_TRUE(report.passed()) << report.text();
//
// Each check gets a fresh FakeHost. What a plugin throws is a finding; a plugin that hangs or crashes
// takes the caller with it, so whoever runs foreign plugins does it in a child process and learns
// from `on_begin` where it was.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <simmer/recipe.hpp>
#include <simmer/testkit/fake_host.hpp>

namespace simmer::testkit {

enum class Verdict {
  passed,
  failed,
  warning,  // legal, and worth a second thought
  skipped,  // does not apply, or this world cannot show it
};

constexpr std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::warning:
      return "warning";
    case Verdict::skipped:
      return "skipped";
  }
  return "?";
}

struct Finding {
  std::string check;  // stable name, e.g. "data-lost-is-noticed"
  Verdict verdict = Verdict::skipped;
  std::string message;
};

struct ConformanceReport {
  std::vector<Finding> findings;  // in the order they were found

  // Nothing failed, and something passed.
  bool passed() const {
    bool any = false;
    for (const auto& finding : findings) {
      if (finding.verdict == Verdict::failed) return false;
      any = any || finding.verdict == Verdict::passed;
    }
    return any;
  }
  // The verdict of one check; skipped when it never ran.
  Verdict verdict_of(std::string_view check) const {
    for (const auto& finding : findings)
      if (finding.check == check) return finding.verdict;
    return Verdict::skipped;
  }
  // One line a finding.
  std::string text() const {
    std::string lines;
    for (const auto& finding : findings) {
      lines += std::string(to_string(finding.verdict)) + "  " + finding.check;
      if (!finding.message.empty()) lines += ": " + finding.message;
      lines += "\n";
    }
    return lines;
  }
};

struct PluginUnderTest {
  // A new instance of the plugin's Recipe.
  std::function<std::unique_ptr<Recipe>()> create;
  // The recipe as Simmer would have understood it; standard_facts() is a start.
  RecipeFacts facts;
  // Makes the fake host a healthy deployment of this app. Nothing: the standard world, in which one
  // volume, `content`, is served as a web site.
  std::function<void(FakeHost&)> prepare;
  // true: `prepare` is this app's own world, so everything must work in it. false: where the probe
  // does not find the world healthy, what would need the real app is skipped instead of failed.
  bool world_is_exact = true;
  // Called with the name of each check before it runs.
  std::function<void(const std::string&)> on_begin;
};

// A web site of one service and one volume, behind a router.
inline RecipeFacts standard_facts(const std::string& recipe) {
  RecipeFacts facts;
  facts.recipe = recipe;
  facts.version = "1.0.0+1.0";
  facts.commit = std::string(40, '0');
  ServiceFacts service;
  service.name = "app";
  service.image = "example/" + recipe + ":1.0";
  service.labels = {{"traefik.enable", "true"}, {"traefik.http.routers.app.rule", "Host(`fake-app.simmer.localhost`)"}};
  service.mounts = {{"volume", "content", "/usr/share/nginx/html", false}};
  facts.services = {service};
  facts.volumes = {{"content", "", false, {}}};
  return facts;
}

inline void prepare_standard_world(FakeHost& host) {
  host.volume_files["content"] = {{"index.html", "<!doctype html><title>mine</title><p>standard world, volume content</p>\n"},
                                  {"kept/by-a-user.html", "<p>written by a user, not by the plugin</p>\n"}};
  host.serve_volume("content");
}

// Runs all checks. Never throws for what the plugin does.
ConformanceReport check_conformance(const PluginUnderTest& plugin);

}  // namespace simmer::testkit

#include <simmer/testkit/conformance_checks.hpp>
