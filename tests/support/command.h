// Runs a program as a user would and keeps what it said.
#pragma once

#include <sys/types.h>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/background.h"

namespace trapline::test {

struct CommandOptions {
  // Called in the child between fork and exec: to take rights or devices away.
  std::function<void()> before_exec;
  // Called in the parent once the child runs: to interrupt it.
  std::function<void(pid_t)> while_running;
};

// argv[0] is looked up in PATH. No shell. Its input is empty.
CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options = {});

}  // namespace trapline::test
