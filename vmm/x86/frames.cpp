#include "vmm/x86/frames.h"

#include <array>

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

}  // namespace trapline::vmm::x86
