// The barest VMM, tests/support/bare_vmm/, as a subject: it says how many exits each of its vCPUs made.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/background.h"

namespace trapline::test {

// The words that start it.
[[nodiscard]] std::vector<std::string> bare_vmm_command(const std::vector<std::string>& options);

// What it printed at its end, out of what it and another program printed.
[[nodiscard]] nlohmann::json bare_vmm_told(const std::string& out);

// One whose VMs are made, and begin when it is told.
class BareVmm {
 public:
  explicit BareVmm(const std::vector<std::string>& options);

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  void begin() const { process_.type("\n"); }
  // What it did, once it has; with --hold and idle ones its VMs are still there.
  nlohmann::json told() const;
  // Its end, which is that of its VMs.
  CommandResult end();
  void kill() const;

 private:
  Background process_;
};

}  // namespace trapline::test
