#include "tests/support/bare_vmm.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

namespace trapline::test {

std::vector<std::string> bare_vmm_command(const std::vector<std::string>& options) {
  std::vector<std::string> command = {TRAPLINE_BARE_VMM};
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

nlohmann::json bare_vmm_told(const std::string& out) {
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(R"({"exits")")) return nlohmann::json::parse(line);
  }
  ADD_FAILURE() << "the VMM did not tell what it did: " << out;
  return {};
}

BareVmm::BareVmm(const std::vector<std::string>& options)
    : process_([&] {
        auto all = options;
        all.emplace_back("--wait");
        return bare_vmm_command(all);
      }()) {
  EXPECT_TRUE(process_.says(R"("ready":true)")) << process_.err();
}

nlohmann::json BareVmm::told() const {
  EXPECT_TRUE(process_.says(R"({"exits")")) << process_.err();
  return bare_vmm_told(process_.out());
}

CommandResult BareVmm::end() {
  process_.end_input();
  return process_.wait();
}

void BareVmm::kill() const {
  process_.signal(SIGKILL);
}

}  // namespace trapline::test
