// The one place through which text leaves the program: whatever a command prints, on either stream, is printable() first. A recipe, an app or
// a repository can make a terminal do nothing, and no command has to think of it. What Simmer itself wants a terminal to do (colours,
// a line that is written over) goes round it, by terminal().
#pragma once

#include <memory>
#include <ostream>

namespace simmer {

class PrintableOutput {
 public:
  // Stands before std::cout and std::cerr for as long as it lives. One at a time, made by main.
  PrintableOutput();
  ~PrintableOutput();
  PrintableOutput(const PrintableOutput&) = delete;

  // Standard error as it is, for control sequences of our own and text that is printable() already.
  std::ostream& terminal();

  // Why something could not be written to standard output (an errno); 0: all of it was.
  int failure() const;

 private:
  class Filter;
  std::unique_ptr<Filter> out_, error_;
  std::ostream terminal_;
};

}  // namespace simmer
