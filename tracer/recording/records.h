// The records that the recorder itself makes, beside those of the probes (bpf/record.h): guest stamps, the
// VMM's marks, and the session's facts. Their bytes are CTF event bytes; schema.cpp and
// docs/recording-format.md describe them. Little endian, fields naturally aligned, no implicit padding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/record.h"

namespace trapline::recording {

// Event ids from 20 on (1..19: enum trl_event_id). Ids are unique over all streams and never used twice.
enum RecordId : std::uint16_t {
  kGuestStamp = 20,
  kExitHandled = 24,
  kInterruptRaised = 25,
  kVmmStep = 26,
  kClockSample = 32,
  kVcpuStarted = 33,
  kWorkload = 34,
  kGuestCount = 35,
  kKvmStat = 36,
  kStreamLoss = 37,
  kProbeCost = 38,
  kRecordingEnd = 39,
  kVm = 40,
};

// A guest_stamp (vmm/guest/abi.h) as it was drained. head.timestamp_ns: the host time of `tsc`, estimated
// when the stamp was drained and lifted where needed to keep the stream in order; analysis converts `tsc`
// itself.
struct GuestStampRecord {
  trl_record_head head;  // tid 0
  std::uint64_t tsc;     // guest TSC
  std::uint64_t arg;
  std::uint64_t seq;   // sequence number, counted from 0
  std::uint16_t kind;  // enum guest_stamp_kind
  std::uint16_t vector;
  std::uint16_t workload;
  std::uint16_t reserved;
};
static_assert(sizeof(GuestStampRecord) == 48 && offsetof(GuestStampRecord, kind) == 40);

// A stay of a vCPU thread in the VMM. head.timestamp_ns: the estimated host time of `entered_tsc`.
struct ExitHandledRecord {
  trl_record_head head;
  std::uint64_t left_tsc;     // host TSC: KVM_RUN has returned
  std::uint64_t entered_tsc;  // host TSC: KVM_RUN is about to be called again
};
static_assert(sizeof(ExitHandledRecord) == 32);

// A device raised an interrupt. head.vcpu is TRL_NO_VCPU, head.tid the raising thread.
struct InterruptRaisedRecord {
  trl_record_head head;  // timestamp_ns: the estimated host time of `tsc`
  std::uint64_t tsc;     // host TSC just before the ioctl
  std::uint16_t kind;    // vmm::RaiseKind
  std::uint16_t reserved;
  std::uint32_t gsi_or_vector;  // line: GSI; event channel: its number; otherwise: vector
};
static_assert(sizeof(InterruptRaisedRecord) == 32 && offsetof(InterruptRaisedRecord, gsi_or_vector) == 28);

// One step of the VMM on a delivery path. head.timestamp_ns: the estimated host time of `end_tsc`.
struct VmmStepRecord {
  trl_record_head head;     // tid 0
  std::uint64_t begin_tsc;  // host TSC
  std::uint64_t end_tsc;
  std::uint64_t arg;         // by step
  std::uint16_t step;        // vmm::VmmStep
  std::uint16_t vector;      // by step
  std::uint16_t count_kind;  // enum guest_count_kind: what the guest has counted for it, its key in `arg`
  std::uint16_t reserved;
};
static_assert(sizeof(VmmStepRecord) == 48 && offsetof(VmmStepRecord, step) == 40);

// ---- The session's facts; a record with a name is followed by its NUL-terminated bytes
// -------------------------

struct ClockSampleRecord {
  trl_record_head head;
  std::uint64_t tsc;  // host TSC
  std::uint64_t ns;   // CLOCK_MONOTONIC, read somewhere within tsc +- half_width_tsc
  std::uint64_t half_width_tsc;
};
static_assert(sizeof(ClockSampleRecord) == 40);

struct VcpuStartedRecord {
  trl_record_head head;     // vcpu and tid: the vCPU's
  std::int64_t tsc_offset;  // guest TSC = host TSC + offset; 0 where `guest_tsc_khz` is 0: not known
  std::uint32_t guest_tsc_khz;
  std::uint16_t vm;       // number of its VM in this recording
  std::uint16_t vcpu_id;  // KVM's, within its VM
};
static_assert(sizeof(VcpuStartedRecord) == 32 && offsetof(VcpuStartedRecord, vcpu_id) == 30);

struct VmRecord {  // followed by the name
  trl_record_head head;
  std::uint32_t pid;       // of the process that runs it
  std::uint16_t vm;        // its number in this recording
  std::uint16_t named_by;  // enum VmNamedBy
};
static_assert(sizeof(VmRecord) == 24);

struct WorkloadRecord {  // followed by the name
  trl_record_head head;
  std::uint32_t guest_workload;  // enum guest_workload of the nano-kernel
  std::uint32_t index;           // position in the run, from 0
  std::uint64_t count;           // events asked for
};
static_assert(sizeof(WorkloadRecord) == 32);

struct GuestCountRecord {
  trl_record_head head;  // vcpu
  std::uint32_t kind;    // enum guest_count_kind
  std::uint32_t key;
  std::uint64_t count;
};
static_assert(sizeof(GuestCountRecord) == 32);

struct KvmStatRecord {   // followed by the name
  trl_record_head head;  // vcpu; TRL_NO_VCPU: of the VM
  std::uint64_t value;
};
static_assert(sizeof(KvmStatRecord) == 24);

struct StreamLossRecord {
  trl_record_head head;
  std::uint32_t source;    // enum LossSource
  std::uint32_t instance;  // host CPU or vCPU, by source
  std::uint64_t count;
};
static_assert(sizeof(StreamLossRecord) == 32);

struct ProbeCostRecord {
  trl_record_head head;
  std::int64_t per_exit_ns;  // what one recorded exit costs more than an unrecorded one
  std::uint64_t traced_ns;   // the two figures that it is the difference of
  std::uint64_t untraced_ns;
  std::uint64_t exits;  // exits measured, each way
};
static_assert(sizeof(ProbeCostRecord) == 48);

struct RecordingEndRecord {
  trl_record_head head;
  std::uint32_t reason;  // enum EndReason
  std::uint32_t reserved;
  std::uint64_t records_lost;
};
static_assert(sizeof(RecordingEndRecord) == 32);

}  // namespace trapline::recording
