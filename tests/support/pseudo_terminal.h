// A program on a terminal of its own, with someone who types and someone who looks.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/fd.h"

namespace trapline::test {

class PseudoTerminal {
 public:
  // Starts the program. No shell.
  PseudoTerminal(const std::vector<std::string>& argv, unsigned short width, unsigned short height);
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void type(const std::string& keys);
  void resize(unsigned short width, unsigned short height);
  // Whether the text appears among what is written since the last call of type() or resize().
  bool wait_for(const std::string& text);
  // Everything that was written; control sequences included.
  [[nodiscard]] const std::string& written() const { return written_; }
  [[nodiscard]] termios settings() const;
  // Exit status, 128 + signal; reads what is still written.
  int wait();

 private:
  bool read_some(int timeout_ms);
  void begin_answer();

  Fd master_;
  Fd slave_;  // kept open, so that the settings can be looked at afterwards
  pid_t pid_ = -1;
  int status_ = -1;
  std::string written_;
  std::size_t answer_ = 0;  // where in it what came since then begins
};

}  // namespace trapline::test
