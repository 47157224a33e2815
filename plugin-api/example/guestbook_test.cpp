// The conformance kit, in a world where the guestbook is healthy.
#include <iostream>

#include <simmer/plugin.hpp>
#include <simmer/testkit.hpp>

int main() {
  simmer::testkit::PluginUnderTest plugin;
  plugin.create = [] {
    char error[200] = {};
    return std::unique_ptr<simmer::Recipe>(simmer_plugin_descriptor.create(error, sizeof error));
  };
  plugin.facts = simmer::testkit::standard_facts("guestbook");
  plugin.facts.volumes = {{"entries", "", false, {}}};
  plugin.prepare = [](simmer::testkit::FakeHost& host) {
    host.volume_files["entries"] = {};
    host.server = [](const simmer::HttpRequest& request) {
      if (request.url == "/" || request.url == "/entries") return simmer::testkit::FakeHost::page("<title>Guestbook</title>");
      return simmer::testkit::FakeHost::not_found();
    };
  };
  const auto report = simmer::testkit::check_conformance(plugin);
  std::cout << report.text();
  return report.passed() ? 0 : 1;
}
