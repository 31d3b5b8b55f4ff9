#include "tests/support/record.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

namespace trapline::test {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

std::vector<std::string> record_words(const std::string& recording, const std::vector<std::string>& options,
                                      ProbeCost cost) {
  std::vector<std::string> words = {trapline_program(), "record", "-q", "-o", recording};
  if (cost == ProbeCost::left_out) words.emplace_back("--no-probe-cost");
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

}  // namespace

RecordedCommand record_command(const std::string& recording, const std::vector<std::string>& options,
                               const std::vector<std::string>& command) {
  auto words = record_words(recording, options, ProbeCost::left_out);
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  RecordedCommand recorded;
  recorded.result = run_command(words);
  EXPECT_EQ(recorded.result.status, 0) << recorded.result.err;
  recorded.report = report_of(recording);
  return recorded;
}

bool begins_to_record(const Background& recorder) {
  // The first step of giving up its rights, and the last one: drop_privileges().
  const auto begun = [&] {
    auto status = recorder.status();
    return status["NoNewPrivs"] == "1" && status["CapPrm"] == "0000000000000000";
  };
  return eventually([&] { return begun() || !recorder.runs_for(0ms); }) && begun();
}

Recording::Recording(std::string folder, const std::vector<std::string>& options, ProbeCost cost)
    : folder_(std::move(folder)), process_(record_words(folder_, options, cost)) {
  EXPECT_TRUE(begins_to_record(process_)) << process_.err();
}

json Recording::stop() {
  process_.signal(SIGINT);
  const auto result = process_.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  return report_of(folder_);
}

std::vector<std::uint64_t> exits_of_each_vcpu(const json& report, const std::string& reason, pid_t pid) {
  std::set<int> vms;
  for (const json& vm : report.at("vms")) {
    if (pid == 0 || vm.at("pid") == pid) vms.insert(vm.at("vm").get<int>());
  }
  std::map<std::pair<int, int>, std::uint64_t> counts;
  for (const json& row : report.at("exits")) {
    if (!vms.contains(row.at("vm"))) continue;
    const std::uint64_t count = exits_named({{"exits", {row}}}, reason);
    if (count > 0) counts[{row.at("vm"), row.at("vcpu")}] += count;
  }
  std::vector<std::uint64_t> sorted;
  for (const auto& [vcpu, count] : counts)
    sorted.push_back(count);
  std::ranges::sort(sorted);
  return sorted;
}

std::vector<std::uint64_t> told_exits_of_each_vcpu(const json& told, const std::string& reason) {
  std::vector<std::uint64_t> sorted;
  for (const json& vm : told.at("vms")) {
    for (const json& vcpu : vm.at("vcpus"))
      sorted.push_back(vcpu.at("exits").at(reason));
  }
  std::ranges::sort(sorted);
  return sorted;
}

}  // namespace trapline::test
