#include "tests/support/busy_recording.h"

#include <array>
#include <vector>

#include "tracer/recording/writer.h"
#include "vmm/guest/abi.h"
#include "vmm/steps.h"

namespace trapline::test {
namespace {

using namespace recording;

constexpr std::uint16_t kVcpus = 2;
constexpr std::uint64_t kBeginNs = 1'000'000;
constexpr std::uint64_t kCycleNs = 10'000;  // from one exit to the next
constexpr std::uint64_t kExitsAPacket = 500;
constexpr std::uint32_t kRaiser = 77;
constexpr std::uint16_t kMsiVector = GUEST_VECTOR_DEVICE_MSI;
constexpr std::uint16_t kTimerVector = GUEST_VECTOR_TIMER;
constexpr std::uint32_t kValid = 1U << 31;
constexpr std::uint64_t kMsrEoi = 0x80b;

// One TSC tick is one nanosecond here, of host and guest.
class Vcpu {
 public:
  Vcpu(RecordingWriter& writer, std::uint16_t number) : writer_(writer), number_(number) {}

  void cycle(std::uint64_t i) {
    const std::uint64_t at = kBeginNs + i * kCycleNs + number_ * std::uint64_t{500};
    switch (i % 4) {
      case 0:
        port_access(at);
        return;
      case 1:
        msi(at);
        return;
      case 2:
        timer(at, i);
        return;
      default:
        exit(at, 0x7c, 0);  // MSR
    }
  }

  Status write_packets() {
    const StreamKey of_exits{StreamClass::exits, number_};
    const StreamKey of_kvm{StreamClass::kvm, number_};
    TRAPLINE_TRY(writer_.write_records<trl_exit_cycle>(of_exits, exits_, 0));
    TRAPLINE_TRY(writer_.write_records<trl_kvm_event>(of_kvm, kvm_, 0));
    TRAPLINE_TRY(writer_.write_records<GuestStampRecord>({StreamClass::stamps, number_}, stamps_, 0));
    TRAPLINE_TRY(writer_.write_records<ExitHandledRecord>({StreamClass::vmm, number_}, stays_, 0));
    TRAPLINE_TRY(writer_.write_records<VmmStepRecord>({StreamClass::steps, number_}, steps_, 0));
    exits_.clear();
    kvm_.clear();
    stamps_.clear();
    stays_.clear();
    steps_.clear();
    return {};
  }

 private:
  [[nodiscard]] std::uint32_t tid() const { return 1000U + number_; }

  trl_exit_cycle& exit(std::uint64_t at, std::uint32_t reason, std::uint32_t inject) {
    trl_exit_cycle cycle{};
    cycle.head = {at + 2000, TRL_EXIT_CYCLE, number_, tid()};
    cycle.exit_ns = at;
    cycle.rip = 0xffffffff81000000 + at % 4096;
    cycle.info1 = reason == 0x7c ? 1 : 0;
    cycle.reason = reason;
    cycle.event_inj = inject == 0 ? 0 : kValid | inject;
    cycle.rcx = kMsrEoi;
    cycle.flags = TRL_ISA_SVM;
    exits_.push_back(cycle);
    return exits_.back();
  }

  void kvm(std::uint64_t at, trl_event_id id, std::uint16_t vcpu, std::uint32_t thread, std::uint32_t arg32,
           std::uint64_t arg0, std::uint64_t arg1) {
    kvm_.push_back({{at, static_cast<std::uint16_t>(id), vcpu, thread}, number_, arg32, arg0, arg1});
  }

  void stamp(std::uint64_t at, guest_stamp_kind kind, std::uint16_t vector, std::uint16_t workload,
             std::uint64_t arg = 0) {
    stamps_.push_back({{at, kGuestStamp, number_, 0},
                       at,
                       arg,
                       next_stamp_++,
                       static_cast<std::uint16_t>(kind),
                       vector,
                       workload,
                       0});
  }

  void port_access(std::uint64_t at) {
    trl_exit_cycle& cycle = exit(at, 0x7b, 0);
    cycle.flags |= TRL_TO_USER;
    cycle.user_exit_ns = at + 300;
    cycle.user_reason = 2;
    cycle.info1 = 0xf50010;
    stays_.push_back({{at + 1500, kExitHandled, number_, tid()}, at + 400, at + 1500});
    step(at + 500, at + 800, vmm::VmmStep::read_trap);
    step(at + 800, at + 1000, vmm::VmmStep::decide);
  }

  void step(std::uint64_t begin, std::uint64_t end, vmm::VmmStep what) {
    steps_.push_back(
        {{end, kVmmStep, number_, 0}, begin, end, 0x1000, static_cast<std::uint16_t>(what), 0x80, 0, 0});
  }

  // Raised while the vCPU is in the guest: it is kicked out.
  void msi(std::uint64_t at) {
    kvm(at - 900, TRL_MSI_SET_IRQ, TRL_NO_VCPU, kRaiser, 0, 0xfee00000, kMsiVector);
    kvm(at - 700, TRL_ACCEPT_IRQ, TRL_NO_VCPU, kRaiser, number_, kMsiVector, 0);
    stamp(at - 1500, GUEST_STAMP_U0, 0, GUEST_WORKLOAD_DEVICE_MSI, at);
    exit(at, 0x60, kMsiVector);
    handler(at + 2100, kMsiVector, GUEST_WORKLOAD_DEVICE_MSI, true);
    stamp(at + 3500, GUEST_STAMP_U3, 0, GUEST_WORKLOAD_DEVICE_MSI, at);
  }

  // Now and then a second timer is raised before the first was injected.
  void timer(std::uint64_t at, std::uint64_t i) {
    kvm(at + 600, TRL_ACCEPT_IRQ, number_, tid(), number_, kTimerVector, 0);
    if (i % 8 == 2) kvm(at + 700, TRL_ACCEPT_IRQ, number_, tid(), number_, kTimerVector, 0);
    exit(at, 0x60, kTimerVector);
    handler(at + 2100, kTimerVector, GUEST_WORKLOAD_NONE, false);
  }

  void handler(std::uint64_t at, std::uint16_t vector, std::uint16_t workload, bool interrupted) {
    stamp(at, GUEST_STAMP_K1, vector, workload);
    if (interrupted) {
      stamp(at + 300, GUEST_STAMP_K1, GUEST_VECTOR_INT80, workload);
      stamp(at + 500, GUEST_STAMP_K2, GUEST_VECTOR_INT80, workload);
    }
    stamp(at + 700, GUEST_STAMP_EOI, vector, workload);
    stamp(at + 900, GUEST_STAMP_K2, vector, workload);
  }

  RecordingWriter& writer_;
  std::uint16_t number_;
  std::uint64_t next_stamp_ = 0;
  std::vector<trl_exit_cycle> exits_;
  std::vector<trl_kvm_event> kvm_;
  std::vector<GuestStampRecord> stamps_;
  std::vector<ExitHandledRecord> stays_;
  std::vector<VmmStepRecord> steps_;
};

RecordingInfo info() {
  RecordingInfo info;
  info.trapline_version = "0.1.0";
  info.hostname = "host";
  info.kernel_release = "6.12.1-test";
  info.cpu_model = "a \"CPU\", = 1";
  info.time_kind = TimeKind::emulated;
  info.isa = Isa::svm;
  info.tsc_khz = 1'000'000;
  info.mode = "full";
  info.path = "hvm";
  info.command_line = "trapline run";
  return info;
}

}  // namespace

Status write_busy_recording(const std::filesystem::path& folder, std::uint64_t exits) {
  TRAPLINE_ASSIGN(writer, RecordingWriter::create(folder, info()));
  std::vector<Vcpu> vcpus;
  for (std::uint16_t number = 0; number < kVcpus; ++number) {
    vcpus.emplace_back(writer, number);
    TRAPLINE_TRY(writer.write(VcpuStarted{HostNs{100}, number, 1000U + number, 0, 1'000'000, 0, number}));
  }
  TRAPLINE_TRY(writer.write(Workload{HostNs{200}, GUEST_WORKLOAD_DEVICE_MSI, 0, exits, "=msi \"1\"\xff\n"}));
  TRAPLINE_TRY(writer.write(ClockSample{HostTsc{1000}, HostNs{1000}, 0}));
  for (std::uint64_t i = 0; i < exits; ++i) {
    for (Vcpu& vcpu : vcpus)
      vcpu.cycle(i);
    if (i % kExitsAPacket != kExitsAPacket - 1 && i + 1 != exits) continue;
    for (Vcpu& vcpu : vcpus)
      TRAPLINE_TRY(vcpu.write_packets());
  }
  const std::uint64_t end = kBeginNs + exits * kCycleNs + kCycleNs;
  TRAPLINE_TRY(writer.write(ClockSample{HostTsc{end}, HostNs{end}, 0}));
  return writer.finish({HostNs{end}, EndReason::finished, 0});
}

}  // namespace trapline::test
