#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "tracer/recorder/kernel_support.h"
#include "tracer/recorder/mode_support.h"

namespace trapline::tracer {
namespace {

constexpr ClassicExit kObstacles[] = {ClassicExit::other_record, ClassicExit::no_tracefs,
                                      ClassicExit::no_event, ClassicExit::not_readable,
                                      ClassicExit::no_perf_event};

// Everything that a kernel can offer, but for the vendor's.
KernelSupport everything(Isa isa) {
  KernelSupport kernel;
  kernel.isa = isa;
  kernel.kernel_btf = kernel.kvm_btf = true;
  kernel.cap_bpf = kernel.cap_perfmon = kernel.cap_sys_admin = true;
  kernel.classic_exit = ClassicExit::attachable;
  kernel.light_lacks.clear();
  for (const ProbeMode mode : {ProbeMode::svm, ProbeMode::vmx_complete, ProbeMode::vmx_light}) {
    for (const auto& tracepoint : probed_tracepoints(mode))
      kernel.tracepoints.emplace_back(tracepoint.name);
  }
  return kernel;
}

TEST(ProbeMode, OnVmxIsCompleteWhereTheClassicTracepointCanBeAttached) {
  EXPECT_EQ(everything(Isa::svm).best_mode(), ProbeMode::svm);
  auto vmx = everything(Isa::vmx);
  EXPECT_EQ(vmx.best_mode(), ProbeMode::vmx_complete);
  EXPECT_TRUE(check_recording_possible(vmx));
  for (const ClassicExit obstacle : kObstacles) {
    vmx.classic_exit = obstacle;
    EXPECT_EQ(vmx.best_mode(), ProbeMode::vmx_light);
    EXPECT_TRUE(check_recording_possible(vmx));
  }
}

// Each obstacle has its own reason and its own remedy; root meets those of rights no more.
TEST(ProbeMode, SaysWhatKeepsFromTheClassicTracepoint) {
  struct Row {
    ClassicExit obstacle;
    const char* reason;
    const char* remedy;
    bool works_as_root;
  };
  constexpr Row kRows[] = {
      {ClassicExit::other_record, "lacks fields", "--light", false},
      {ClassicExit::no_tracefs, "not mounted", "mount -t tracefs", false},
      {ClassicExit::no_event, "no event kvm/kvm_exit", "CONFIG_EVENT_TRACING", false},
      {ClassicExit::not_readable, "not readable", "gid=GROUP", true},
      {ClassicExit::no_perf_event, "perf_event_open(2)", "perf_event_paranoid=2", true},
  };
  auto vmx = everything(Isa::vmx);
  for (const Row& row : kRows) {
    vmx.classic_exit = row.obstacle;
    const Status full = check_mode(vmx, ProbeMode::vmx_complete);
    ASSERT_FALSE(full) << row.reason;
    EXPECT_EQ(full.error().status, ExitStatus::machine_lacks);
    EXPECT_NE(full.error().what.find(row.reason), std::string::npos) << full.error().what;
    EXPECT_NE(full.error().remedy.find(row.remedy), std::string::npos) << full.error().remedy;
    EXPECT_EQ(full.error().remedy.find("mount -t") != std::string::npos,
              row.obstacle == ClassicExit::no_tracefs)
        << "mounting helps where it is not mounted, and only there";
    EXPECT_EQ(check_mode(vmx, ProbeMode::vmx_complete, Rights::root).has_value(), row.works_as_root)
        << row.reason;
    EXPECT_TRUE(check_mode(vmx, ProbeMode::vmx_light)) << "light probes do without it";
  }
}

TEST(ProbeMode, LightSaysWhatAKernelLacks) {
  auto vmx = everything(Isa::vmx);
  vmx.light_lacks = "struct vcpu_vmx has no member exit_reason";
  EXPECT_TRUE(check_mode(vmx, ProbeMode::vmx_complete));
  EXPECT_TRUE(check_recording_possible(vmx));
  for (const Rights rights : {Rights::own, Rights::root}) {
    const Status light = check_mode(vmx, ProbeMode::vmx_light, rights);
    ASSERT_FALSE(light);
    EXPECT_NE(light.error().what.find(vmx.light_lacks), std::string::npos) << light.error().what;
    EXPECT_NE(light.error().remedy.find("leave out --light"), std::string::npos) << light.error().remedy;
  }
}

TEST(ProbeMode, WhereNeitherWorksBothReasonsAreGivenAndTheRemedyOfTheOneThatHasOne) {
  auto vmx = everything(Isa::vmx);
  vmx.light_lacks = "struct vcpu_vmx has no member exit_reason";
  for (const auto& [obstacle, remedy] : {std::pair(ClassicExit::not_readable, "run as root"),
                                         std::pair(ClassicExit::no_tracefs, "mount -t tracefs")}) {
    vmx.classic_exit = obstacle;
    const auto possible = check_recording_possible(vmx);
    ASSERT_FALSE(possible);
    EXPECT_EQ(possible.error().status, ExitStatus::machine_lacks);
    EXPECT_NE(possible.error().what.find("tracefs"), std::string::npos) << possible.error().what;
    EXPECT_NE(possible.error().what.find("exit_reason"), std::string::npos) << possible.error().what;
    EXPECT_NE(possible.error().remedy.find(remedy), std::string::npos) << possible.error().remedy;
  }
}

TEST(ProbeMode, RootHasTheRightsThatThisProcessLacks) {
  for (const Isa isa : {Isa::svm, Isa::vmx}) {
    auto kernel = everything(isa);
    kernel.cap_bpf = kernel.cap_perfmon = kernel.cap_sys_admin = false;
    for (const ProbeMode mode : modes_of(isa)) {
      const Status own = check_mode(kernel, mode);
      ASSERT_FALSE(own);
      EXPECT_NE(own.error().what.find("CAP_BPF"), std::string::npos);
      EXPECT_TRUE(check_mode(kernel, mode, Rights::root));
    }
  }
}

TEST(ProbeMode, ARequiredTracepointIsMissedInEveryMode) {
  auto vmx = everything(Isa::vmx);
  std::erase(vmx.tracepoints, "kvm_userspace_exit");
  for (const ProbeMode mode : modes_of(Isa::vmx)) {
    const Status missing = check_mode(vmx, mode, Rights::root);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().what.find("kvm_userspace_exit"), std::string::npos);
  }
}

TEST(ProbeMode, EachHasItsOwnProgramsForExitAndEntry) {
  const auto program = [](ProbeMode mode, std::string_view name) {
    const auto probed = probed_tracepoints(mode);
    const auto found = std::ranges::find(probed, name, &ProbedTracepoint::name);
    return found == probed.end() ? std::string() : std::string(found->program);
  };
  EXPECT_EQ(program(ProbeMode::svm, "kvm_exit"), "on_svm_exit");
  EXPECT_EQ(program(ProbeMode::vmx_complete, "kvm_exit"), "on_vmx_exit_complete");
  EXPECT_EQ(program(ProbeMode::vmx_light, "kvm_exit"), "on_vmx_exit_light");
  EXPECT_EQ(program(ProbeMode::svm, "kvm_entry"), "on_svm_entry");
  EXPECT_EQ(program(ProbeMode::vmx_light, "kvm_entry"), "on_vmx_entry");
  EXPECT_EQ(program(ProbeMode::svm, "kvm_mmio"), "") << "the VMCB has the address";
  EXPECT_EQ(program(ProbeMode::vmx_complete, "kvm_mmio"), "on_vmx_mmio");
}

}  // namespace
}  // namespace trapline::tracer
