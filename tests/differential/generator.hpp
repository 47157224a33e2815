// Compose files that no person would write, and some that one would: to hold Simmer's reading against Docker's own.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

namespace simmer::differential {

struct Case {
  std::string id;
  bool ordinary = false;  // what recipes look like: Simmer may not refuse what Docker reads
  std::vector<std::string> files;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> tree;  // other files of the recipe
};

// The same `seed` gives the same cases.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}
  Case next(std::size_t number);

 private:
  std::string pick(const std::vector<std::string>& from) { return from[std::uniform_int_distribution<std::size_t>(0, from.size() - 1)(random_)]; }
  bool chance(int percent) { return std::uniform_int_distribution<int>(1, 100)(random_) <= percent; }
  std::string service(const std::string& indent, bool ordinary, bool attack, bool first);
  std::string disguised(const std::string& indent, const std::string& key, const std::string& value);
  std::string file(const std::string& version, bool ordinary, bool attack, bool first);
  std::string resources(bool ordinary, bool attack, bool first);
  std::string spoiled(std::string text);
  std::string with_merges(std::string text);

  std::mt19937 random_;
};

}  // namespace simmer::differential
