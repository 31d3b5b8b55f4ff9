// Events on their way into a guest, as one 32-bit field says them: what an entry injects (SVM EVENTINJ, VMX
// VM-entry interruption information) and whose delivery an exit interrupted (EXITINTINFO, IDT-vectoring
// information).
#pragma once

#include <cstdint>
#include <string_view>

#include "bpf/record.h"

namespace trapline::tracer {

// The values are the field's bits 10:8. SVM knows 0, 2, 3 and 4 only and gives them the same meaning, so one
// decoder does for both.
enum class EventType : std::uint8_t {
  interrupt = 0,  // external or virtual
  reserved = 1,
  nmi = 2,
  exception = 3,                      // SVM: also INT3 and INTO
  software_interrupt = 4,             // INT n
  privileged_software_exception = 5,  // VMX: INT1
  software_exception = 6,             // VMX: INT3, INTO
  other = 7,                          // VMX, at an entry: a pending monitor trap flag exit
};
[[nodiscard]] std::string_view event_type_name(EventType type);

// AMD APM Vol. 2, 15.7.2 (EXITINTINFO) and 15.20 (EVENTINJ); Intel SDM Vol. 3C, 25.8.3 (VM-entry interruption
// information), 25.9.2 (VM-exit interruption information), 25.9.3 (IDT-vectoring information); editions of
// 2023.
struct EventField {
  bool valid = false;  // bit 31; otherwise there is no event and nothing else holds
  EventType type = EventType::interrupt;
  std::uint8_t vector = 0;      // bits 7:0
  bool has_error_code = false;  // bit 11

  bool operator==(const EventField&) const = default;
};
[[nodiscard]] EventField decode_event(std::uint32_t field);

}  // namespace trapline::tracer
