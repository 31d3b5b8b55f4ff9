// A program that runs while the test does something else.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "tests/support/patience.h"

namespace trapline::test {

struct CommandResult {
  int status = -1;  // exit status; 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

// Its output is kept in memory and can be read meanwhile; its input is a pipe from us. What is still running
// at the end of the object is killed.
class Background {
 public:
  // argv[0] is looked up in PATH. No shell. before_exec is called in the child, to take rights or devices
  // away.
  explicit Background(const std::vector<std::string>& argv, const std::function<void()>& before_exec = {});
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

  // Its /proc/PID/status: {"NoNewPrivs", "1"}; empty once it has ended.
  [[nodiscard]] std::map<std::string, std::string> status() const;

  void type(std::string_view text) const;
  void end_input() { input_.reset(); }
  void signal(int number) const;

  // Whether the text appeared in either output before the program ended or the time was over.
  [[nodiscard]] bool says(std::string_view text, std::chrono::seconds within = kPatience) const;

  // Whether it goes on for so long.
  [[nodiscard]] bool runs_for(std::chrono::milliseconds time) const { return !ends(time); }

  // Its end. Once `within` is over, it is killed.
  CommandResult wait(std::chrono::seconds within = kPatience);

 private:
  [[nodiscard]] bool ends(std::chrono::milliseconds within) const;

  pid_t pid_ = -1;
  Fd end_;  // becomes readable
  bool reaped_ = false;
  CommandResult result_;
  Fd input_;
  Fd out_;
  Fd err_;
};

}  // namespace trapline::test
