// trapline report: what it sums up adds up, whatever it is summed up by.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

// One recording of two vCPUs, which several tests look at.
class Report : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    workspace_ = new Workspace;
    recording_ = workspace_->path("run");
    const auto result =
        trapline({"run", "--vcpus", "2", "--workload", "timer,pio,ipi,hlt,mmio,cpuid,device-msi,hypercall",
                  "-n", "100", "-o", recording_});
    ASSERT_EQ(result.status, 0) << result.err;
    report_ = report_of(recording_);
  }
  static void TearDownTestSuite() { delete workspace_; }

  static json by(const std::string& keys) {
    const auto result = trapline({"report", recording_, "--by", keys, "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.status == 0 ? json::parse(result.out)["by"] : json();
  }

  static std::uint64_t sum(const json& rows, const char* field) {
    std::uint64_t sum = 0;
    for (const auto& row : rows)
      sum += row[field].get<std::uint64_t>();
    return sum;
  }

  static inline Workspace* workspace_ = nullptr;
  static inline std::string recording_;
  static inline json report_;
};

TEST_F(Report, EveryKeyAddsUpToAllExits) {
  const std::uint64_t count = sum(report_["exits"], "count");
  ASSERT_GT(count, 1000u);
  for (const char* field : {"count", "total_ns", "handling_ns"}) {
    for (const char* keys : {"reason", "vm", "vcpu", "port", "mmio", "msr", "vector", "hypercall", "rip",
                             "reason,port,msr,mmio,hypercall", "vcpu,vector", "rip,reason"}) {
      const json found = by(keys);
      EXPECT_EQ(sum(found["rows"], field) + found["without_key"][field].get<std::uint64_t>() +
                    found["beyond_limit"][field].get<std::uint64_t>(),
                sum(report_["exits"], field))
          << keys << ": " << field;
    }
  }
  EXPECT_EQ(report_["all_exits"]["count"], count);
  for (const auto& row : report_["exits"])
    EXPECT_EQ(row["kvm_ns"].get<std::uint64_t>() + row["vmm_ns"].get<std::uint64_t>(), row["total_ns"])
        << row;
}

TEST_F(Report, KeysHaveWhatTheGuestCounted) {
  std::uint64_t compared = 0;
  const json ports = by("port,vcpu")["rows"];
  const json msrs = by("msr,vcpu")["rows"];
  for (const auto& counted : report_["counted_elsewhere"]["guest"]) {
    const std::string what = counted["what"];
    const bool is_port = what.starts_with("io port ");
    if (!is_port && !what.starts_with("msr ")) continue;
    const std::uint64_t number = std::stoull(what.substr(is_port ? 8 : 4), nullptr, 16);
    std::uint64_t exits = 0;
    for (const auto& row : is_port ? ports : msrs) {
      if (row[is_port ? "port" : "msr"] == number && row["vcpu"] == counted["vcpu"])
        exits += row["count"].get<std::uint64_t>();
    }
    EXPECT_EQ(exits, counted["guest"]) << what;
    ++compared;
  }
  EXPECT_GE(compared, 8u);
}

TEST_F(Report, VectorsAreThoseThatWereInjected) {
  std::map<std::pair<int, int>, std::uint64_t> injected;
  for (const auto& row : report_["interrupts"]["by_vector"]) {
    injected[{row["vcpu"], row["vector"]}] +=
        row["seen"]["injected"].get<std::uint64_t>() + row["reinjected"].get<std::uint64_t>();
  }
  for (const auto& row : by("vcpu,vector")["rows"]) {
    if (row["vector"].is_null()) continue;
    // The first entry has no exit before it.
    EXPECT_LE((injected[{row["vcpu"], row["vector"]}]) - row["count"].get<std::uint64_t>(), 1u) << row;
  }
}

TEST_F(Report, EachInterruptsEoiIsAnExitWithoutParavirtualHelp) {
  std::uint64_t compared = 0;
  for (const auto& row : report_["interrupts"]["by_vector"]) {
    if (row["source"] == "software" || row["source"] == "exception") continue;
    EXPECT_EQ(row["eoi_exits"], row["count"]) << row;
    EXPECT_GT(row["per_second"], 0) << row;
    ++compared;
  }
  EXPECT_GE(compared, 3u) << "timer, MSI, IPI";
}

TEST_F(Report, HaltsAndHandlingAreTheStates) {
  std::map<int, std::uint64_t> waits;
  for (const auto& row : report_["exits"]) {
    waits[row["vcpu"]] += row["halt_poll_ns"].get<std::uint64_t>() + row["halted_ns"].get<std::uint64_t>();
    EXPECT_EQ(row["handling_ns"].get<std::uint64_t>() + row["halt_poll_ns"].get<std::uint64_t>() +
                  row["halted_ns"].get<std::uint64_t>() + row["wake_delay_ns"].get<std::uint64_t>(),
              row["total_ns"])
        << row;
  }
  for (const auto& vcpu : report_["accounting"]) {
    const auto& states = vcpu["states"];
    const std::uint64_t waited =
        states["halt-poll"].get<std::uint64_t>() + states["halted"].get<std::uint64_t>();
    EXPECT_LE(waits[vcpu["vcpu"]], waited) << "an exit that the recording ends in is in the states only";
    for (const auto& row : report_["scheduling"]) {
      if (row["vcpu"] == vcpu["vcpu"]) {
        EXPECT_EQ(row["steal_ns"],
                  states["kvm runnable"].get<std::uint64_t>() + states["vmm runnable"].get<std::uint64_t>());
      }
    }
  }
  std::uint64_t halts = 0;
  for (const auto& row : report_["halts"])
    halts += row["polled"].get<std::uint64_t>() + row["slept"].get<std::uint64_t>();
  EXPECT_GE(halts, 100u);
}

TEST_F(Report, OneVcpuIsTheSameAloneAndAmongOthers) {
  const auto alone = trapline({"report", recording_, "--vcpu", "1", "--json"});
  ASSERT_EQ(alone.status, 0) << alone.err;
  std::multiset<std::pair<std::string, std::uint64_t>> of_it;
  std::multiset<std::pair<std::string, std::uint64_t>> among;
  const json report = json::parse(alone.out);
  for (const auto& row : report["exits"]) {
    EXPECT_EQ(row["vcpu"], 1);
    of_it.emplace(row["key"], row["total_ns"]);
  }
  for (const auto& row : report_["exits"]) {
    if (row["vcpu"] == 1) among.emplace(row["key"], row["total_ns"]);
  }
  EXPECT_FALSE(of_it.empty());
  EXPECT_EQ(of_it, among);
}

TEST_F(Report, SymbolsNameGuestCode) {
  // Where the guest halts, as the report without symbols says.
  std::string halt;
  for (const auto& reason : report_["guest_code"]) {
    if (reason["reason"] == "hlt" || reason["reason"] == "HLT") halt = reason["rips"][0]["rip"];
  }
  ASSERT_FALSE(halt.empty()) << report_["guest_code"];
  const std::string map = workspace_->path("System.map");
  std::ofstream(map) << "0000000000000000 T before_all\n" << halt.substr(2) << " T the_halt\n";
  auto result = trapline({"report", recording_, "--by", "rip", "--symbols", map});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("the_halt+0x0"), std::string::npos) << result.out;
  result = trapline({"report", recording_, "--by", "rip", "--symbols", map, "--symbols-offset", "-0x10"});
  EXPECT_NE(result.out.find("the_halt+0x10"), std::string::npos) << result.out;
  std::ofstream(map) << "hello\n";
  result = trapline({"report", recording_, "--symbols", map});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("line 1 is no symbol"), std::string::npos) << result.err;
}

TEST_F(Report, WrongUsageIsNamed) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--by", "weather"}, "weather"},
      {{"--sort", "colour"}, "colour"},
      {{"--vcpu", "7"}, "has no vCPU 7"},
      {{"--vm", "3"}, "has no VM 3"},
      {{"--top", "0"}, "--top"},
      {{"--symbols-offset", "1"}, "--symbols-offset without --symbols"},
      {{"--symbols", recording_ + "/metadata", "--symbols-offset", "far"},
       "--symbols-offset far is no number"},
  };
  for (const auto& [arguments, said] : cases) {
    std::vector<std::string> command = {"report", recording_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto result = trapline(command);
    EXPECT_EQ(result.status, 2) << said << '\n' << result.err;
    EXPECT_NE(result.err.find(said), std::string::npos) << said << " in\n" << result.err;
  }
}

TEST_F(Report, SaysWhetherInterruptsCouldBeHidden) {
  // The lab has neither AVIC nor APICv.
  EXPECT_EQ(report_["interrupts"]["apicv"], "off");
  EXPECT_EQ(report_["interrupts"]["posted"], 0);
  EXPECT_TRUE(report_["interrupts"]["hidden"].empty());
}

}  // namespace
}  // namespace trapline::test
