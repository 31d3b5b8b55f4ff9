#include "tracer/exits/user_exits.h"

#include <fmt/format.h>

#include <string_view>

#include "wire/kvm_exits.h"

namespace trapline::tracer {

std::string user_exit_name(std::uint32_t reason) {
  const std::string_view name = wire::kvm_exit_name(reason);
  return name.empty() ? fmt::format("unknown ({:#x})", reason) : std::string(name);
}

}  // namespace trapline::tracer
