// What is VMX's own: reasons and details by its names, the light probes, the fields that KVM reads lazily.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

constexpr int kEvents = 60;

// One run of each kind serves all tests.
struct Recorded {
  Workspace workspace;
  std::string recording = workspace.path("run");
  json report;
};

std::unique_ptr<Recorded> record(const std::string& probes) {
  auto made = std::make_unique<Recorded>();
  std::vector<std::string> arguments = {"run",
                                        "--workload",
                                        "int80,pio,mmio,cpuid,hypercall,timer,device,hlt,page-fault",
                                        "-n",
                                        std::to_string(kEvents),
                                        "-q",
                                        "--no-probe-cost",
                                        "-o",
                                        made->recording};
  if (probes == "light") arguments.emplace_back("--light");
  const auto run = trapline(arguments);
  EXPECT_EQ(run.status, 0) << run.err;
  if (run.status != 0) return nullptr;
  made->report = report_of(made->recording);
  return made;
}

class Vmx : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/sys/module/kvm_intel")) GTEST_SKIP() << "this machine has no kvm_intel";
    static std::map<std::string, std::unique_ptr<Recorded>> recorded;
    const auto [found, is_new] = recorded.try_emplace(GetParam());
    if (is_new) found->second = record(GetParam());
    ASSERT_NE(found->second, nullptr);
    recording_ = found->second->recording;
    report_ = found->second->report;
  }

  // How often that reason was seen with that key.
  [[nodiscard]] std::uint64_t count(const std::string& reason, const std::string& key) const {
    for (const json& row : report_["exits"]) {
      if (row["reason"] == reason && row["key"] == key) return row["count"];
    }
    return 0;
  }

  std::string recording_;
  json report_;
};

TEST_P(Vmx, ExitsHaveTheirDetails) {
  EXPECT_EQ(report_["context"]["isa"], "vmx");
  const std::string probes = report_["context"]["probes"];
  EXPECT_TRUE(probes.starts_with(std::string(GetParam()) == "light" ? "light" : "full")) << probes;
  EXPECT_EQ(count("IO_INSTRUCTION", "port 0xf5 out 1"), kEvents);
  EXPECT_EQ(count("CPUID", "leaf 0x0"), kEvents);
  EXPECT_EQ(count("HLT", ""), kEvents);
  EXPECT_GE(count("MSR_WRITE", "msr 0x80b x2APIC EOI write"), 3 * kEvents);
  std::uint64_t hypercalls = 0;
  std::uint64_t mmio = 0;
  for (const json& row : report_["exits"]) {
    const std::string reason = row["reason"];
    const std::string key = row["key"];
    EXPECT_EQ(reason.find("unknown"), std::string::npos) << row;
    if (reason == "VMCALL") hypercalls += row["count"].get<std::uint64_t>();
    if (reason.starts_with("EPT_") && key.starts_with("gpa ")) mmio += row["count"].get<std::uint64_t>();
    if (reason == "EXTERNAL_INTERRUPT") {
      EXPECT_TRUE(key.starts_with("vector 0x")) << row;
      EXPECT_EQ(row["cause"], "async");
    }
    EXPECT_NE(key, "mmio") << "an access whose address was not told: " << row;
  }
  EXPECT_EQ(hypercalls, kEvents);
  EXPECT_GE(mmio, kEvents);
}

TEST_P(Vmx, WhatTheGuestAndKvmCountedWasRecorded) {
  EXPECT_EQ(report_["lost"]["records"], 0);
  EXPECT_EQ(report_["clock"]["violations"], 0);
  EXPECT_GE(report_["counted_elsewhere"]["guest"].size(), 10u);
  for (const auto* by : {"guest", "kvm"}) {
    for (const json& row : report_["counted_elsewhere"][by])
      EXPECT_TRUE(row["equal"]) << row;
  }
}

TEST_P(Vmx, EveryInterruptIsAWholeStory) {
  EXPECT_GE(report_["interrupts"]["total"], 3 * kEvents);
  EXPECT_EQ(report_["interrupts"]["complete"], report_["interrupts"]["total"])
      << report_["interrupts"]["missing"];
}

// Complete probes tell where in the guest an exit happened; light ones do not, and leave it out.
TEST_P(Vmx, TheRipIsThatOfTheExitOrNone) {
  const auto exported = trapline({"export", recording_, "--format", "timeline"});
  ASSERT_EQ(exported.status, 0) << exported.err;
  const auto timeline = json::parse(exported.out);
  std::set<std::string> of_port_writes;
  for (const json& exit : timeline["exits"]) {
    if (exit["key"] == "port 0xf5 out 1") of_port_writes.insert(exit.value("rip", "none"));
  }
  ASSERT_EQ(of_port_writes.size(), 1u) << "one instruction of the guest does them all";
  EXPECT_EQ(*of_port_writes.begin() == "none", std::string(GetParam()) == "light");
}

INSTANTIATE_TEST_SUITE_P(Probes, Vmx, testing::Values("complete", "light"),
                         [](const auto& probes) { return std::string(probes.param); });

}  // namespace
}  // namespace trapline::test
