// A small recording that holds every kind of event once, each field with a value of its own.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "tracer/recording/reader.h"
#include "tracer/recording/writer.h"

namespace trapline::recording::test {

// A folder of this test's own, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "trapline-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "cannot make a temporary folder";
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_content(const std::filesystem::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

inline RecordingInfo sample_info() {
  RecordingInfo info;
  info.trapline_version = "0.1.0";
  info.hostname = "host";
  info.kernel_release = "6.12.1-test";
  info.cpu_model = "A CPU \"of\" some \\ kind";
  info.time_kind = TimeKind::counted;
  info.isa = Isa::svm;
  info.apicv = Apicv::on;
  info.tsc_khz = 3'000'000;
  info.started_unix_ns = 1'700'000'000'123'456'789;
  info.mode = "full";
  info.path = "hvm";
  info.command_line = "trapline run -o 'a b'";
  return info;
}

inline trl_exit_cycle exit_cycle_at(std::uint64_t ns, std::uint16_t id = TRL_EXIT_CYCLE) {
  trl_exit_cycle cycle{};
  cycle.head = {ns, id, 1, 4242};
  cycle.exit_ns = ns - 30;
  cycle.user_exit_ns = ns - 20;
  cycle.rip = 0xffffffff81000010;
  cycle.info1 = 0x3f80010;
  cycle.info2 = 0x123456789abcdef0;
  cycle.reason = 0x7b;
  cycle.exit_int_info = 0x80000020;
  cycle.event_inj = 0x80000040;
  cycle.rax = 0x11;
  cycle.rcx = 0x22;
  cycle.user_reason = 2;
  cycle.flags = TRL_ISA_SVM | TRL_TO_USER;
  return cycle;
}

inline trl_kvm_event kvm_event_at(std::uint64_t ns, std::uint16_t id, std::uint32_t arg32, std::uint64_t arg0,
                                  std::uint64_t arg1) {
  return {{ns, id, 1, 4242}, 3, arg32, arg0, arg1};
}

inline GuestStampRecord stamp_at(std::uint64_t ns, std::uint64_t seq) {
  return {{ns, kGuestStamp, 0, 0}, 777'000 + seq, 0xabcd, seq, 2, 0x40, 5, 0};
}

// One kind after the other: the first at 1000 ns, then every 10 ns. The small events of a CPU in the order of
// their ids, after the cycle_open.
inline constexpr std::uint64_t kExitCycleNs = 1000;
inline constexpr std::uint64_t kCycleOpenNs = 1010;
inline constexpr std::uint64_t kFirstKvmEventNs = 1020;
inline constexpr std::uint64_t kGuestStampNs = 1200;
inline constexpr std::uint64_t kExitHandledNs = 1300;
inline constexpr std::uint64_t kInterruptRaisedNs = 1310;
inline constexpr std::uint64_t kVmmStepNs = 1320;
inline constexpr std::uint64_t kSessionNs = 2000;
inline constexpr std::uint64_t kSampleEvents = 28;
inline constexpr std::uint64_t kSampleFacts = 9;  // of them in the session
inline constexpr std::uint64_t kSampleStreamEvents = kSampleEvents - kSampleFacts;

inline std::array<trl_kvm_event, 13> sample_kvm_events() {
  const auto at = [](trl_event_id id, std::uint32_t arg32, std::uint64_t arg0, std::uint64_t arg1) {
    return kvm_event_at(kFirstKvmEventNs + 10ull * (id - TRL_SET_IRQ), id, arg32, arg0, arg1);
  };
  return {at(TRL_SET_IRQ, 6, 5, 1),
          at(TRL_MSI_SET_IRQ, 0, 0xfee00000, 0x4041),
          at(TRL_ACCEPT_IRQ, 7, 65, 4 | 1 << 16 | 1ull << 32),
          at(TRL_EOI, 8, 66, 0),
          at(TRL_PV_EOI, 9, 67, 0),
          at(TRL_WAKEUP, 0, 12345, 3),
          at(TRL_HALT_POLL, 0, 20000, 10000),
          at(TRL_SCHED_OUT, 0, 2, 0),
          at(TRL_SCHED_IN, 0, 0, 0),
          at(TRL_WAKING, 4343, 0, 0),
          at(TRL_TSC_OFFSET, 0, static_cast<std::uint64_t>(-100), static_cast<std::uint64_t>(-200)),
          at(TRL_RUN_ENTERED, 0, 0, 0),
          at(TRL_VCPU_ENDED, 0, 0, 0)};
}

inline ExitHandledRecord sample_exit_handled() {
  return {{kExitHandledNs, kExitHandled, 1, 4242}, 5000, 5100};
}
inline InterruptRaisedRecord sample_interrupt_raised() {
  return {{kInterruptRaisedNs, kInterruptRaised, TRL_NO_VCPU, 4444}, 5200, 2, 0, 0x41};
}
inline VmmStepRecord sample_vmm_step() {
  return {{kVmmStepNs, kVmmStep, 1, 0}, 5300, 5400, 0xf5, 7, 7, 1, 0};
}

inline constexpr StreamKey kExitsKey{StreamClass::exits, 3};
inline constexpr StreamKey kKvmKey{StreamClass::kvm, 3};
inline constexpr StreamKey kStampsKey{StreamClass::stamps, 0};
inline constexpr StreamKey kVmmKey{StreamClass::vmm, 1};
inline constexpr StreamKey kDevicesKey{StreamClass::vmm, kDeviceThreads};
inline constexpr StreamKey kStepsKey{StreamClass::steps, 1};

inline Status write_sample_session(RecordingWriter& writer) {
  std::uint64_t ns = kSessionNs;
  const auto next = [&] { return HostNs{ns += 10}; };
  TRAPLINE_TRY(writer.write(ClockSample{HostTsc{9000}, HostNs{kSessionNs}, 15}));
  TRAPLINE_TRY(writer.write(VcpuStarted{next(), 1, 4242, -9'876'543'210, 2'999'999, 2, 6}));
  TRAPLINE_TRY(writer.write(Workload{next(), 5, 2, 1000, "timer"}));
  TRAPLINE_TRY(writer.write(GuestCount{next(), 1, 1, 0x3f8, 1001}));
  TRAPLINE_TRY(writer.write(KvmStat{next(), 1, "halt_exits", 1002}));
  TRAPLINE_TRY(writer.write(StreamLoss{next(), LossSource::guest_stamps, 1, 1003}));
  TRAPLINE_TRY(writer.write(ProbeCost{next(), -12, 3900, 3912, 20000}));
  TRAPLINE_TRY(writer.write(Vm{next(), 2, 4200, VmNamedBy::libvirt, "a guest"}));
  return writer.finish({next(), EndReason::stopped, 1004});
}

inline Status write_sample_events(RecordingWriter& writer) {
  const std::array cycle = {exit_cycle_at(kExitCycleNs)};
  TRAPLINE_TRY(writer.write_records<trl_exit_cycle>(kExitsKey, cycle, 0));
  const std::array open_cycle = {exit_cycle_at(kCycleOpenNs, TRL_CYCLE_OPEN)};
  const auto small = sample_kvm_events();
  const std::array<std::span<const std::byte>, 2> chunks = {std::as_bytes(std::span(open_cycle)),
                                                            std::as_bytes(std::span(small))};
  TRAPLINE_TRY(
      writer.write_packet(kKvmKey, chunks, HostNs{kCycleOpenNs}, HostNs{small.back().head.timestamp_ns}, 0));
  const std::array stamps = {stamp_at(kGuestStampNs, 33)};
  TRAPLINE_TRY(writer.write_records<GuestStampRecord>(kStampsKey, stamps, 0));
  const std::array handled = {sample_exit_handled()};
  TRAPLINE_TRY(writer.write_records<ExitHandledRecord>(kVmmKey, handled, 0));
  const std::array raised = {sample_interrupt_raised()};
  TRAPLINE_TRY(writer.write_records<InterruptRaisedRecord>(kDevicesKey, raised, 0));
  const std::array steps = {sample_vmm_step()};
  return writer.write_records<VmmStepRecord>(kStepsKey, steps, 0);
}

inline Status write_sample(const std::filesystem::path& folder, IfExists if_exists = IfExists::refuse) {
  TRAPLINE_ASSIGN(writer, RecordingWriter::create(folder, sample_info(), if_exists));
  TRAPLINE_TRY(write_sample_events(writer));
  return write_sample_session(writer);
}

#define ASSERT_OK(expression)                                         \
  do {                                                                \
    const auto& assert_ok_result = (expression);                      \
    ASSERT_TRUE(assert_ok_result) << assert_ok_result.error().text(); \
  } while (false)

}  // namespace trapline::recording::test
