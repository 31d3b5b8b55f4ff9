#include "tracer/exits/keys.h"

#include <fmt/format.h>

#include <string_view>

#include "tracer/exits/names.h"

namespace trapline::tracer {

std::string io_key(const IoAccess& io) {
  return fmt::format("port {:#x} {} {}{}{}", io.port, io.in ? "in" : "out", io.size,
                     io.string ? " string" : "", io.rep ? " rep" : "");
}

std::string msr_key(std::uint32_t msr, bool write) {
  const std::string_view name = msr_name(msr);
  return fmt::format("msr {:#x}{}{} {}", msr, name.empty() ? "" : " ", name, write ? "write" : "read");
}

void set_io(const IoAccess& io, ExitKind& kind) {
  kind.detail = ExitDetail::io;
  kind.number = io.port;
  kind.access = static_cast<std::uint8_t>(io.size | (io.in ? kAccessIn : 0) |
                                          (io.string ? kAccessString : 0) | (io.rep ? kAccessRep : 0));
}

IoAccess io_of(const ExitKind& kind) {
  return {static_cast<std::uint16_t>(kind.number), static_cast<std::uint8_t>(kind.access & 0xf),
          (kind.access & kAccessIn) != 0, (kind.access & kAccessString) != 0,
          (kind.access & kAccessRep) != 0};
}

std::string hypercall_key(std::uint64_t number) {
  const std::string_view name = hypercall_name(number);
  return fmt::format("nr {}{}{}", number, name.empty() ? "" : " ", name);
}

}  // namespace trapline::tracer
