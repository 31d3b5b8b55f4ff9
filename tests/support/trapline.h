// The program under test, run as a user would, in a machine with KVM.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/command.h"

namespace trapline::test {

// Path of the built program.
[[nodiscard]] std::string trapline_program();

// Runs `trapline ARGUMENTS...`.
CommandResult trapline(const std::vector<std::string>& arguments, const CommandOptions& options = {});

// A folder of this test's own, in memory; gone afterwards.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

// Its folder and files are for their owner only.
void expect_private(const std::string& recording);

// `trapline report DIR --json`; fails the test when that fails.
nlohmann::json report_of(const std::string& recording);

// The recording as Chrome trace, exported by the program.
nlohmann::json chrome_trace_of(const std::string& recording);

// What this machine's processor calls the reason that SVM calls so.
std::string reason_here(const std::string& svm_name);

// Exits with this reason of SVM, or what VMX has for it, those without a following entry left out if
// `closed_only`.
std::uint64_t exits_named(const nlohmann::json& report, const std::string& reason, bool closed_only = false);

// Ids of all BPF programs and of all their links to probes that the kernel holds.
struct BpfObjects {
  std::vector<std::uint32_t> programs;
  std::vector<std::uint32_t> links;
};
BpfObjects bpf_objects();

// Whether the kernel lets go of all but those. They are freed after a grace period: so those of an earlier
// test may still go.
bool no_bpf_objects_but(const BpfObjects& before);

}  // namespace trapline::test
