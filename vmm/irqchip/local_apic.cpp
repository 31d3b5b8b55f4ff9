#include "vmm/irqchip/local_apic.h"

namespace trapline::vmm {

namespace {

// AMD APM vol. 2, table 16-6; Intel SDM vol. 3, table 11-6.
enum Register : std::uint32_t {
  kId = 0x802,
  kVersion = 0x803,
  kTaskPriority = 0x808,
  kEoi = 0x80b,
  kSpurious = 0x80f,
  kInterruptCommand = 0x830,
  kLvtTimer = 0x832,
  kTimerInitialCount = 0x838,
  kTimerDivide = 0x83e,
};

constexpr std::uint32_t kVersionValue = 0x50014;  // 6 LVT entries, version 0x14: as KVM's
constexpr std::uint32_t kSoftwareEnabled = 0x100;
constexpr std::uint32_t kMasked = std::uint32_t{1} << 16;
constexpr std::uint32_t kTimerModes = 3u << 17;  // 0: one-shot
constexpr std::uint32_t kDivideBy1 = 0xb;
constexpr std::uint64_t kVectorMask = 0xff;
// Interrupt command: everything but vector and destination is 0 for fixed, physical, edge, no shorthand; bit
// 14 (assert) may be set.
constexpr std::uint64_t kCommandUnsupported = 0xffffffff & ~(kVectorMask | 1u << 14);
constexpr unsigned kFirstVector = 16;
constexpr unsigned kClassShift = 4;

std::optional<std::uint8_t> highest(const std::bitset<256>& vectors) {
  for (std::size_t vector = vectors.size(); vector-- > 0;) {
    if (vectors[vector]) return static_cast<std::uint8_t>(vector);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ApicRequest> LocalApic::write(std::uint32_t msr, std::uint64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  ApicRequest request;
  switch (msr) {
    case kTaskPriority:
      task_priority_ = low & kVectorMask;
      return request;
    case kEoi:
      if (value != 0) return std::nullopt;
      end_of_interrupt();
      return request;
    case kSpurious:
      spurious_ = low;
      return request;
    case kLvtTimer:
      if (low & kTimerModes) return std::nullopt;
      lvt_timer_ = low;
      return request;
    case kTimerDivide:
      if (low != kDivideBy1) return std::nullopt;
      divide_ = low;
      return request;
    case kTimerInitialCount:
      initial_count_ = low;
      request.kind = ApicRequest::Kind::arm_timer;
      request.timer_ns = low;
      return request;
    case kInterruptCommand:
      if (value & kCommandUnsupported) return std::nullopt;
      request.kind = ApicRequest::Kind::send_ipi;
      request.destination = static_cast<std::uint32_t>(value >> 32);
      request.vector = static_cast<std::uint8_t>(value & kVectorMask);
      return request;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint64_t> LocalApic::read(std::uint32_t msr) const {
  switch (msr) {
    case kId:
      return id_;
    case kVersion:
      return kVersionValue;
    case kTaskPriority:
      return task_priority_;
    case kSpurious:
      return spurious_;
    case kLvtTimer:
      return lvt_timer_;
    case kTimerDivide:
      return divide_;
    case kTimerInitialCount:
      return initial_count_;
    default:
      return std::nullopt;
  }
}

bool LocalApic::accept(std::uint8_t vector) {
  if (vector < kFirstVector || !(spurious_ & kSoftwareEnabled)) return false;
  const bool is_new = !pending_[vector];
  pending_.set(vector);
  return is_new;
}

std::optional<std::uint8_t> LocalApic::timer_expired() {
  if (lvt_timer_ & kMasked) return std::nullopt;
  const auto vector = static_cast<std::uint8_t>(lvt_timer_ & kVectorMask);
  accept(vector);
  return vector;
}

std::optional<std::uint8_t> LocalApic::next() const {
  const auto vector = highest(pending_);
  if (!vector) return std::nullopt;
  const unsigned priority = *vector >> kClassShift;
  if (priority <= task_priority_ >> kClassShift) return std::nullopt;
  const auto serving = highest(in_service_);
  if (serving && priority <= unsigned{*serving} >> kClassShift) return std::nullopt;
  return vector;
}

void LocalApic::begin_service(std::uint8_t vector) {
  pending_.reset(vector);
  in_service_.set(vector);
}

void LocalApic::end_of_interrupt() {
  if (const auto vector = highest(in_service_)) in_service_.reset(*vector);
}

}  // namespace trapline::vmm
