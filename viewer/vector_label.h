// What a guest's handler is called by the vector that leads to it.
#pragma once

#include <cstdint>
#include <string>

namespace trapline::viewer {

// "#PF", "0x40"; "syscall" for GUEST_VECTOR_SYSCALL.
[[nodiscard]] std::string vector_label(std::uint32_t vector);

}  // namespace trapline::viewer
