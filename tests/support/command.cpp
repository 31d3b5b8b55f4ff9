#include "tests/support/command.h"

namespace trapline::test {

CommandResult run_command(const std::vector<std::string>& argv, const CommandOptions& options) {
  Background running(argv, options.before_exec);
  running.end_input();
  if (options.while_running) options.while_running(running.pid());
  return running.wait();
}

}  // namespace trapline::test
