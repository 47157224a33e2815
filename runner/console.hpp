// What people see while a command works: on standard error, so that standard output is the answer alone.
#pragma once

#include <ostream>
#include <string>

#include <runs/attempt.hpp>

namespace simmer {

class Console : public Progress {
 public:
  // `least`: lines below it are not shown. `terminal`: standard error, unfiltered; what is shown there is made printable here.
  Console(LogLevel least, std::ostream& terminal);
  ~Console() override;
  void line(LogLevel level, const std::string& text) override;
  void phase(const std::string& text) override;
  void still(const std::string& phase, std::chrono::milliseconds for_how_long) override;

 private:
  void clear();
  std::string painted(const char* colour, const std::string& text) const;
  LogLevel least_;
  std::ostream& out_;
  bool terminal_, colours_, phase_shown_ = false;
};

LogLevel log_level_from(const std::string& name);  // Error(usage)

}  // namespace simmer
