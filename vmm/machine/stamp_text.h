// Stamps in words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

// "U0", "K1", ...; empty for a kind that does not exist.
[[nodiscard]] std::string_view stamp_kind_name(std::uint16_t kind);

// One line per stamp: sequence number, ticks since the first one shown, kind, workload, vector, argument.
[[nodiscard]] std::string stamps_text(std::span<const guest_stamp> stamps);

}  // namespace trapline::vmm
