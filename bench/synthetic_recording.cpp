#include "bench/synthetic_recording.h"

#include <linux/kvm.h>

#include <array>
#include <random>
#include <vector>

#include "tracer/recording/records.h"
#include "tracer/recording/writer.h"
#include "vmm/guest/abi.h"

namespace trapline::bench {
namespace {

using recording::RecordingWriter;
using recording::StreamClass;

constexpr std::uint16_t kVcpus = 2;
constexpr std::uint64_t kBeginNs = 5'000'000'000;
constexpr std::uint64_t kTicksPerNs = 3;
constexpr std::uint64_t kSampleEveryNs = 100'000'000;
constexpr std::uint64_t kInjectEvery = 5;
constexpr std::uint16_t kFirstVector = 0x40;
constexpr std::uint16_t kVectors = 4;
// About what a recorder finds when it drains the probes' rings: a packet.
constexpr std::size_t kPacketBytes = 256 << 10;

constexpr std::uint32_t kSvmInterrupt = 0x60;
constexpr std::uint32_t kSvmCpuid = 0x72;
constexpr std::uint32_t kSvmHlt = 0x78;
constexpr std::uint32_t kSvmIo = 0x7b;
constexpr std::uint32_t kSvmMsr = 0x7c;
constexpr std::uint32_t kSvmNestedFault = 0x400;
constexpr std::uint32_t kInjectInterrupt = 0x8000'0000;  // EVENTINJ: valid, type 0
constexpr std::uint32_t kX2ApicEoi = 0x80b;
constexpr std::uint32_t kTscDeadline = 0x6e0;

// By tenths; an MSR write after an injection is the EOI.
constexpr std::array<std::uint32_t, 10> kMix = {kSvmMsr, kSvmMsr, kSvmMsr, kSvmInterrupt, kSvmInterrupt,
                                                kSvmIo,  kSvmIo,  kSvmHlt, kSvmCpuid,     kSvmNestedFault};

// The records of one stream instance until they make a packet.
template <typename Record>
class Stream {
 public:
  Stream(RecordingWriter& writer, StreamClass stream, std::uint32_t instance)
      : writer_(writer), key_{stream, instance} {
    records_.reserve(kPacketBytes / sizeof(Record) + 1);
  }

  Status add(const Record& record) {
    records_.push_back(record);
    ++count_;
    return records_.size() * sizeof(Record) < kPacketBytes ? Status{} : flush();
  }
  Status flush() {
    TRAPLINE_TRY(writer_.write_records(key_, std::span<const Record>(records_), 0));
    records_.clear();
    return {};
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  RecordingWriter& writer_;
  recording::StreamKey key_;
  std::vector<Record> records_;
  std::uint64_t count_ = 0;
};

HostTsc host_tsc(std::uint64_t ns) {
  return HostTsc{ns * kTicksPerNs};
}
std::int64_t tsc_offset(std::uint16_t vcpu) {
  return -7'000'000'000 - vcpu;
}
std::uint32_t tid_of(std::uint16_t vcpu) {
  return 4000u + vcpu;
}

// One vCPU's life on the host CPU of the same number.
class Vcpu {
 public:
  Vcpu(RecordingWriter& writer, std::uint16_t vcpu)
      : vcpu_(vcpu),
        random_(vcpu + 1u),
        exits_(writer, StreamClass::exits, vcpu),
        kvm_(writer, StreamClass::kvm, vcpu),
        stamps_(writer, StreamClass::stamps, vcpu),
        handled_(writer, StreamClass::vmm, vcpu) {}

  // The guest runs, exits, and is entered again.
  Status run_until_next_entry() {
    now_ += 1500 + random_() % 1024;
    const bool eoi = std::exchange(in_handler_, false);
    trl_exit_cycle cycle{};
    cycle.exit_ns = now_;
    cycle.rip = 0xffff'ffff'8100'0000 + random_() % 64 * 16;
    cycle.reason = eoi ? kSvmMsr : kMix[random_() % kMix.size()];
    cycle.flags = TRL_ISA_SVM;
    TRAPLINE_TRY(handle(cycle, eoi));
    // The entry after an EOI goes back into the handler.
    const bool inject = !eoi && ++since_injection_ >= kInjectEvery - 1;
    if (inject) {
      vector_ = static_cast<std::uint16_t>(kFirstVector + random_() % kVectors);
      cycle.event_inj = kInjectInterrupt | vector_;
      TRAPLINE_TRY(kvm(TRL_ACCEPT_IRQ, vcpu_, vector_, 0));
      since_injection_ = 0;
    }
    now_ += 400;
    cycle.head = {now_, TRL_EXIT_CYCLE, vcpu_, tid_of(vcpu_)};
    TRAPLINE_TRY(exits_.add(cycle));
    if (eoi) TRAPLINE_TRY(stamp(GUEST_STAMP_K2, 250));
    if (inject) {
      TRAPLINE_TRY(stamp(GUEST_STAMP_K1, 150));
      TRAPLINE_TRY(stamp(GUEST_STAMP_EOI, 900));
      in_handler_ = true;
    }
    return {};
  }

  Status flush() {
    TRAPLINE_TRY(exits_.flush());
    TRAPLINE_TRY(kvm_.flush());
    TRAPLINE_TRY(stamps_.flush());
    return handled_.flush();
  }

  [[nodiscard]] HostNs now() const { return HostNs{now_}; }
  [[nodiscard]] std::uint64_t events() const {
    return exits_.count() + kvm_.count() + stamps_.count() + handled_.count();
  }

 private:
  Status handle(trl_exit_cycle& cycle, bool eoi) {
    now_ += 600;
    switch (cycle.reason) {
      case kSvmMsr:
        cycle.info1 = 1;  // a write
        cycle.rcx = eoi ? kX2ApicEoi : kTscDeadline;
        return eoi ? kvm(TRL_EOI, vcpu_, vector_, 0) : Status{};
      case kSvmIo:
        cycle.info1 = 0xf5ull << 16 | 1 << 4;  // port 0xf5, one byte out
        return handle_in_user_space(cycle);
      case kSvmHlt:
        return halt();
      case kSvmNestedFault:
        cycle.info1 = 0x1'0000'0006;
        cycle.info2 = 0x100'0000 + random_() % 4096 * 4096;
        return {};
      case kSvmCpuid:
        cycle.rax = 0x4000'0000;
        return {};
      default:
        return {};
    }
  }

  Status handle_in_user_space(trl_exit_cycle& cycle) {
    cycle.flags |= TRL_TO_USER;
    cycle.user_reason = KVM_EXIT_IO;
    cycle.user_exit_ns = now_;
    const std::uint64_t left = now_ + 200;
    now_ += 1700;
    return handled_.add(
        {{now_, recording::kExitHandled, vcpu_, 0}, host_tsc(left).value, host_tsc(now_).value});
  }

  Status halt() {
    const std::uint64_t begin = now_;
    now_ += 300;
    TRAPLINE_TRY(kvm(TRL_SCHED_OUT, 0, 1, 0));
    now_ += 5000 + random_() % 8192;
    TRAPLINE_TRY(kvm(TRL_WAKING, 77, 0, 0));
    now_ += 700;
    TRAPLINE_TRY(kvm(TRL_SCHED_IN, 0, 0, 0));
    now_ += 100;
    return kvm(TRL_WAKEUP, 0, now_ - begin, 3);
  }

  Status kvm(trl_event_id id, std::uint32_t arg32, std::uint64_t arg0, std::uint64_t arg1) {
    now_ += 50;
    return kvm_.add({{now_, static_cast<std::uint16_t>(id), vcpu_, tid_of(vcpu_)}, vcpu_, arg32, arg0, arg1});
  }

  // `after_ns` after the entry, in the guest's own ticks.
  Status stamp(guest_stamp_kind kind, std::uint64_t after_ns) {
    const std::uint64_t at = now_ + after_ns;
    recording::GuestStampRecord record{};
    record.head = {at, recording::kGuestStamp, vcpu_, 0};
    record.tsc = host_tsc(at).value + static_cast<std::uint64_t>(tsc_offset(vcpu_));
    record.seq = seq_++;
    record.kind = static_cast<std::uint16_t>(kind);
    record.vector = vector_;
    return stamps_.add(record);
  }

  std::uint16_t vcpu_;
  std::minstd_rand random_;
  Stream<trl_exit_cycle> exits_;
  Stream<trl_kvm_event> kvm_;
  Stream<recording::GuestStampRecord> stamps_;
  Stream<recording::ExitHandledRecord> handled_;
  std::uint64_t now_ = kBeginNs;
  std::uint64_t since_injection_ = 0;
  bool in_handler_ = false;
  std::uint16_t vector_ = 0;
  std::uint64_t seq_ = 0;
};

recording::RecordingInfo synthetic_info() {
  recording::RecordingInfo info;
  info.trapline_version = "synthetic";
  info.hostname = "nowhere";
  info.time_kind = recording::TimeKind::emulated;
  info.isa = recording::Isa::svm;
  info.tsc_khz = kTicksPerNs * 1'000'000;
  info.mode = "full";
  info.path = "hvm";
  return info;
}

}  // namespace

Result<SyntheticCounts> write_synthetic_recording(const std::filesystem::path& folder, std::uint64_t exits) {
  TRAPLINE_ASSIGN(writer, RecordingWriter::create(folder, synthetic_info()));
  const auto sample_clock = [&](std::uint64_t ns) {
    return writer.write(recording::ClockSample{host_tsc(ns), HostNs{ns}, 20});
  };
  TRAPLINE_TRY(sample_clock(kBeginNs - 1000));
  std::vector<Vcpu> vcpus;
  for (std::uint16_t i = 0; i < kVcpus; ++i) {
    TRAPLINE_TRY(writer.write(recording::VcpuStarted{HostNs{kBeginNs}, i, tid_of(i), tsc_offset(i),
                                                     kTicksPerNs * 1'000'000, 0, i}));
    vcpus.emplace_back(writer, i);
  }
  std::uint64_t sampled = kBeginNs;
  for (std::uint64_t exit = 0; exit < exits; ++exit) {
    Vcpu& vcpu = vcpus[exit % kVcpus];
    TRAPLINE_TRY(vcpu.run_until_next_entry());
    if (vcpu.now().value < sampled + kSampleEveryNs) continue;
    sampled += kSampleEveryNs;
    TRAPLINE_TRY(sample_clock(sampled));
  }
  SyntheticCounts counts;
  counts.exits = exits;
  HostNs end;
  for (Vcpu& vcpu : vcpus) {
    TRAPLINE_TRY(vcpu.flush());
    counts.events += vcpu.events();
    end = std::max(end, vcpu.now());
  }
  TRAPLINE_TRY(sample_clock(end.value + 10'000));
  TRAPLINE_TRY(writer.finish({HostNs{end.value + 10'000}, recording::EndReason::finished, 0}));
  counts.bytes = writer.bytes_written();
  return counts;
}

}  // namespace trapline::bench
