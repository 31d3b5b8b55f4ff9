// What each delivery path promises, on real KVM: which exits an event costs, that a kernel without privilege
// cannot use any, and that a broken guest is a report and nothing worse.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

json run_on(const std::string& path, const std::string& workloads, const std::string& events) {
  const Workspace workspace;
  const std::string recording = workspace.path("run");
  const auto result = trapline({"run", "-q", "--no-probe-cost", "--path", path, "--workload", workloads, "-n",
                                events, "-o", recording});
  EXPECT_EQ(result.status, 0) << result.err;
  return report_of(recording);
}

struct Exits {
  double user;
  double kernel;
};

// The exits that the guest causes, per event.
Exits exits_of(const json& report, const std::string& workload) {
  for (const json& row : report["workloads"]) {
    if (row["workload"] == workload)
      return {row["exits_per_event"]["user"].get<double>(), row["exits_per_event"]["kernel"].get<double>()};
  }
  ADD_FAILURE() << "no workload " << workload;
  return {-1, -1};
}

struct Expected {
  const char* path;
  double int80;
  double syscall;
  double divide;
  double page_fault;
  double timer_user;
  double timer_kernel;
};

TEST(ExitsPerEvent, AreThoseOfThePath) {
  const Expected table[] = {
      {"hvm", 0, 0, 0, 0, 0, 1},               // EOI
      {"hvm-pv", 0, 0, 0, 0, 0, 0},            // none, by KVM's PV EOI
      {"hvm-user-irqchip", 0, 0, 0, 0, 1, 0},  // EOI, to the VMM
      {"emulate", 2, 2, 2, 3.75, 3, 0},        // trap and iret; MOV from CR2, INVLPG for 3 of 4; EOI
      {"pv", 2, 2, 2, 2.75, 2, 0},             // trap and iret; invalidate_page for 3 of 4
      {"pv-ring0", 0, 0, 0, 0, 0, 0},
      {"pv-direct", 0, 0, 0, 0, 0, 0},
  };
  for (const Expected& expected : table) {
    SCOPED_TRACE(expected.path);
    const json report = run_on(expected.path, "int80,syscall,divide,page-fault,timer", "40");
    const std::pair<const char*, double> synchronous[] = {{"int80", expected.int80},
                                                          {"syscall", expected.syscall},
                                                          {"divide", expected.divide},
                                                          {"page-fault", expected.page_fault}};
    for (const auto& [workload, user] : synchronous) {
      EXPECT_EQ(exits_of(report, workload).user, user) << workload;
      EXPECT_EQ(exits_of(report, workload).kernel, 0) << workload;
    }
    const Exits timer = exits_of(report, "timer");
    EXPECT_EQ(timer.user, expected.timer_user);
    // With PV EOI a few interrupts still end by an exit: those that KVM had no time to mark.
    EXPECT_NEAR(timer.kernel, expected.timer_kernel, 0.2);
  }
}

TEST(ExitsPerEvent, EveryDeviceReachesTheGuest) {
  const json report = run_on("hvm", "device,device-msi,device-irqfd,hypercall,mmio", "40");
  for (const char* workload : {"device", "device-msi", "device-irqfd"})
    EXPECT_EQ(exits_of(report, workload).kernel, 1) << workload << ": its EOI";
  EXPECT_EQ(exits_of(report, "hypercall").kernel, 1);
  EXPECT_EQ(exits_of(report, "mmio").user, 1);
}

// ---- A kernel without privilege -------------------------------------------------------------------------

constexpr int kRounds = 10;

std::uint64_t step_count(const json& report, const std::string& step) {
  for (const json& row : report["vmm_steps"]) {
    if (row["step"] == step) return row["count"].get<std::uint64_t>();
  }
  return 0;
}

TEST(Isolation, EmulateSeesEachPrivilegedInstruction) {
  const json report = run_on("emulate", "privileged", std::to_string(kRounds));
  for (const char* instruction : {"cli", "sti", "hlt", "in", "out", "rdmsr", "invlpg", "mov from CR",
                                  "mov to CR", "mov from DR", "mov to DR", "lidt", "clts"})
    EXPECT_GE(step_count(report, std::string("emulate ") + instruction), kRounds) << instruction;
  EXPECT_GE(step_count(report, "emulate wrmsr"), 2 * kRounds) << "the timer's and this one";
  EXPECT_EQ(step_count(report, "emulate swapgs"), 2 * kRounds);
  EXPECT_EQ(step_count(report, "emulate lgdt"), 1u);
  EXPECT_EQ(step_count(report, "emulate ltr"), 1u);
  // What never traps at CPL 1 or 3: the holes for which VMMs had to translate code.
  for (const json& row : report["vmm_steps"]) {
    for (const char* hole : {"popf", "sgdt", "mov from CS"})
      EXPECT_NE(row["step"], std::string("emulate ") + hole);
  }
  for (const json& row : report["counted_elsewhere"]["guest"])
    EXPECT_EQ(row["guest"], row["recorded"]) << row;
}

class Paravirtual : public testing::TestWithParam<std::string> {};

TEST_P(Paravirtual, EachPrivilegedInstructionIsAGeneralProtectionFault) {
  const json report = run_on(GetParam(), "privileged", std::to_string(kRounds));
  // sti hlt cli in out rdmsr wrmsr swapgs swapgs invlpg, CR3 read and written, DR7 read, DR3 written, clts
  // lidt lgdt ltr.
  constexpr int kInstructions = 18;
  std::uint64_t faults = 0;
  for (const json& row : report["counted_elsewhere"]["guest"]) {
    EXPECT_EQ(row["guest"], row["recorded"]) << row;
    if (row["what"] == "isr vector 0xd") faults = row["recorded"].get<std::uint64_t>();
  }
  EXPECT_EQ(faults, kRounds * kInstructions);
}

INSTANTIATE_TEST_SUITE_P(Paths, Paravirtual, testing::Values("pv", "pv-ring0", "pv-direct"), test_name);

// ---- A broken guest -------------------------------------------------------------------------------------

class BrokenGuest : public testing::TestWithParam<std::string> {
 protected:
  static std::string crash_of(const std::string& workload) {
    const auto result =
        trapline({"run", "--no-trace", "--path", GetParam(), "--workload", workload, "-n", "2"});
    EXPECT_EQ(result.status, 1) << workload;
    EXPECT_NE(result.err.find("guest crashed on vCPU 0: "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("registers:"), std::string::npos) << result.err;
    return result.err;
  }
};

TEST_P(BrokenGuest, UserModeCannotTouchTheKernelsMemory) {
  EXPECT_NE(crash_of("kernel-touch").find("unexpected exception, vector 0xe"), std::string::npos);
}

TEST_P(BrokenGuest, UserModeHasNoPrivilege) {
  EXPECT_NE(crash_of("general-protection").find("unexpected exception, vector 0xd"), std::string::npos);
}

TEST_P(BrokenGuest, ACorruptTableIsReported) {
  const std::string text = crash_of("corrupt-table");
  bool named = false;
  for (const char* reason : {"set_trap_table: the table at 0x7f0000000000 is not mapped",
                             "the gate of vector 0x80 is not present", "unexpected exception, vector 0xd"})
    named = named || text.find(reason) != std::string::npos;
  EXPECT_TRUE(named) << text;
}

TEST_P(BrokenGuest, ACorruptStackIsReported) {
  const std::string text = crash_of("corrupt-stack");
  const bool named = text.find("the kernel stack at 0x7f") != std::string::npos ||
                     text.find("the monitor itself trapped: vector 0xe") != std::string::npos ||
                     text.find("triple fault") != std::string::npos;
  EXPECT_TRUE(named) << text;
}

INSTANTIATE_TEST_SUITE_P(Paths, BrokenGuest,
                         testing::Values("hvm", "hvm-pv", "hvm-user-irqchip", "emulate", "pv", "pv-ring0",
                                         "pv-direct"),
                         test_name);

}  // namespace
}  // namespace trapline::test
