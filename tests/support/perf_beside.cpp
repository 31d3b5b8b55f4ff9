#include "tests/support/perf_beside.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <set>

#include "tests/support/bare_vmm.h"

namespace trapline::test {

using nlohmann::json;

double perf_cost_us(const Workspace& workspace) {
  constexpr double kExits = 20'000;
  const auto vmm = bare_vmm_command({"--work", "cpuid", "--events", "20000"});
  std::vector<std::string> with_perf = {
      "perf", "kvm", "stat", "record", "-a", "-o", workspace.path("cost.data"), "--"};
  with_perf.insert(with_perf.end(), vmm.begin(), vmm.end());
  const auto took_us = [](const std::vector<std::string>& command) {
    return bare_vmm_told(run_command(command).out)["took_ns"].get<double>() / 1000;
  };
  return (took_us(with_perf) - took_us(vmm)) / kExits;
}

void expect_same_counts(const json& report, const std::map<std::string, PerfRow>& perf, std::uint64_t vcpus) {
  std::uint64_t differences = 0;
  std::uint64_t samples = 0;
  std::set<std::string> reasons;
  for (const json& row : report.at("exits"))
    reasons.insert(row["reason"].get<std::string>());
  for (const auto& [reason, row] : perf)
    reasons.insert(reason);
  for (const std::string& reason : reasons) {
    const std::uint64_t ours = exits_named(report, reason, /*closed_only=*/true);
    const std::uint64_t theirs = perf.contains(reason) ? perf.at(reason).samples : 0;
    const std::uint64_t difference = std::max(ours, theirs) - std::min(ours, theirs);
    EXPECT_LE(difference, vcpus) << reason << ": " << ours << ", and by perf " << theirs;
    differences += difference;
    samples += theirs;
  }
  std::cout << "[ MEASURED ] perf has " << samples << " exits, differences in all " << differences << "\n";
  EXPECT_LE(differences, vcpus) << "one at most for each vCPU, over all reasons";
}

void expect_same_times(const json& report, const std::map<std::string, PerfRow>& perf, double cost_us) {
  constexpr double kRoundingUs = 0.005;  // of perf's average
  const bool emulated = report["time"]["kind"] == "emulated";
  std::cout << "[ MEASURED ] both tools cost " << cost_us << " us an exit\n";
  for (const auto& [reason, row] : perf) {
    double total_us = 0;
    for (const json& exit : report["exits"])
      if (exit["reason"] == reason) total_us += exit["total_ns"].get<double>() / 1000;
    EXPECT_GT(total_us, 0) << reason;
    const auto samples = static_cast<double>(row.samples);
    const double difference_us = std::abs(total_us - row.total_us);
    std::cout << "[ MEASURED ] " << reason << ": " << row.samples << " exits, " << total_us << " us, by perf "
              << row.total_us << " us: " << difference_us / samples << " us an exit\n";
    // What a probe takes in emulated time differs with what the emulator has translated, and with whether
    // the host lets it run: the figures are shown, and judged in counted time and on real machines.
    if (!emulated) {
      EXPECT_LE(difference_us, samples * (cost_us + kRoundingUs)) << reason;
    }
  }
}

}  // namespace trapline::test
