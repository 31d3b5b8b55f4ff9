#include "vmm/x86/frames.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "vmm/x86/paging.h"

namespace trapline::vmm::x86 {

namespace {

struct Exception {
  std::string_view mnemonic;
  bool error_code = false;
};

constexpr std::size_t kExceptions = 32;

// AMD APM vol. 2, table 8-1; #VE and #CP with Intel SDM vol. 3, table 6-1.
constexpr std::array<Exception, kExceptions> kTable{{
    {"#DE"},
    {"#DB"},
    {"NMI"},
    {"#BP"},
    {"#OF"},
    {"#BR"},
    {"#UD"},
    {"#NM"},  // 0-7
    {"#DF", true},
    {},
    {"#TS", true},
    {"#NP", true},
    {"#SS", true},
    {"#GP", true},
    {"#PF", true},
    {},  // 8-15
    {"#MF"},
    {"#AC", true},
    {"#MC"},
    {"#XF"},
    {"#VE"},
    {"#CP", true},
    {},
    {},  // 16-23
    {},
    {},
    {},
    {},
    {"#HV"},
    {"#VC", true},
    {"#SX", true},
    {},  // 24-31
}};

}  // namespace

bool pushes_error_code(unsigned vector) {
  return vector < kTable.size() && kTable[vector].error_code;
}

std::string_view exception_mnemonic(unsigned vector) {
  return vector < kTable.size() ? kTable[vector].mnemonic : std::string_view{};
}

std::optional<TrapFrame> read_trap_frame(std::span<const std::byte> memory, std::uint64_t root,
                                         std::uint64_t gva) {
  TrapFrame frame{};
  auto rest = std::as_writable_bytes(std::span(&frame, 1));
  while (!rest.empty()) {
    const auto translation = walk(memory, root, gva);
    if (!translation || translation->gpa >= memory.size()) return std::nullopt;
    const std::size_t in_page = static_cast<std::size_t>(kPageBytes - gva % kPageBytes);
    const std::size_t bytes = std::min(rest.size(), in_page);
    if (memory.size() - translation->gpa < bytes) return std::nullopt;
    std::memcpy(rest.data(), memory.data() + translation->gpa, bytes);
    rest = rest.subspan(bytes);
    gva += bytes;
  }
  return frame;
}

}  // namespace trapline::vmm::x86
