#include "tracer/exits/events.h"

#include <array>

namespace trapline::tracer {

std::string_view event_type_name(EventType type) {
  constexpr std::array<std::string_view, 8> kNames = {"interrupt",
                                                      "reserved",
                                                      "NMI",
                                                      "exception",
                                                      "software interrupt",
                                                      "privileged software exception",
                                                      "software exception",
                                                      "other"};
  return kNames[static_cast<std::size_t>(type) % kNames.size()];
}

EventField decode_event(std::uint32_t field) {
  EventField event;
  event.valid = (field >> 31) != 0;
  if (!event.valid) return event;
  event.vector = static_cast<std::uint8_t>(field & 0xff);
  event.type = static_cast<EventType>(field >> 8 & 7);
  event.has_error_code = (field >> 11 & 1) != 0;
  return event;
}

}  // namespace trapline::tracer
