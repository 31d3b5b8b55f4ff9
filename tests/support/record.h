// `trapline record` beside what it records.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/background.h"
#include "tests/support/trapline.h"

namespace trapline::test {

// What recording costs is measured only where a test looks at it: that takes a while.
enum class ProbeCost { left_out, measured };

// A command that was recorded from before its start to its end.
struct RecordedCommand {
  CommandResult result;  // of `trapline record`, with what the command itself printed
  nlohmann::json report;
};

// `trapline record OPTIONS -o RECORDING -- COMMAND`; fails the test when it or the report fails.
RecordedCommand record_command(const std::string& recording, const std::vector<std::string>& options,
                               const std::vector<std::string>& command);

// Whether its probes come on: the last it does before it records is to give up its rights.
bool begins_to_record(const Background& recorder);

// `trapline record` in the background, once its probes are on.
class Recording {
 public:
  Recording(std::string folder, const std::vector<std::string>& options,
            ProbeCost cost = ProbeCost::left_out);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] Background& process() { return process_; }
  // Ctrl-C, and its report; fails the test when it does not end well.
  nlohmann::json stop();

 private:
  std::string folder_;
  Background process_;
};

// How often each vCPU of each VM had an exit for this reason (by its name on SVM), smallest first; VMs of one
// process only unless pid is 0.
std::vector<std::uint64_t> exits_of_each_vcpu(const nlohmann::json& report, const std::string& reason,
                                              pid_t pid = 0);

// The same as the barest VMM told it.
std::vector<std::uint64_t> told_exits_of_each_vcpu(const nlohmann::json& told, const std::string& reason);

}  // namespace trapline::test
