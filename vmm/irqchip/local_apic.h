// A local APIC in user space, as far as a kernel in x2APIC mode with fixed interrupts and a one-shot timer
// uses it. A state machine without threads: its owner sees to time, and to who may call. AMD APM vol. 2,
// chapter 16; Intel SDM vol. 3, chapter 11.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>

namespace trapline::vmm {

// What a register write asks the owner for.
struct ApicRequest {
  enum class Kind { nothing, arm_timer, send_ipi };
  Kind kind = Kind::nothing;
  std::uint64_t timer_ns = 0;     // arm_timer; 0: disarm. The bus runs at 1 GHz, as KVM's
  std::uint32_t destination = 0;  // send_ipi: x2APIC ID
  std::uint8_t vector = 0;        // send_ipi
};

class LocalApic {
 public:
  explicit LocalApic(std::uint32_t id) : id_(id) {}

  // x2APIC MSRs. Nothing for a register that is not there, or a value that is not supported: a #GP.
  [[nodiscard]] std::optional<ApicRequest> write(std::uint32_t msr, std::uint64_t value);
  [[nodiscard]] std::optional<std::uint64_t> read(std::uint32_t msr) const;

  // An interrupt message. False: it was pending already, and is one with that.
  bool accept(std::uint8_t vector);
  // The timer has expired: its vector is accepted where it is not masked, and told.
  std::optional<std::uint8_t> timer_expired();

  // The vector to deliver next: the highest that is pending and above what is in service.
  [[nodiscard]] std::optional<std::uint8_t> next() const;
  [[nodiscard]] bool any_pending() const { return pending_.any(); }
  // It is being delivered: pending no more, in service until its EOI.
  void begin_service(std::uint8_t vector);

 private:
  void end_of_interrupt();

  std::uint32_t id_;
  std::uint32_t spurious_ = 0xff;  // software-disabled
  std::uint32_t lvt_timer_ = std::uint32_t{1} << 16;
  std::uint32_t divide_ = 0;
  std::uint32_t initial_count_ = 0;
  std::uint32_t task_priority_ = 0;
  std::bitset<256> pending_;     // IRR
  std::bitset<256> in_service_;  // ISR
};

}  // namespace trapline::vmm
