#include "tests/support/bare_vmm/guest_code.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace trapline::bare {
namespace {

constexpr std::uint32_t kLapicBase = 0xfee00000;
constexpr std::uint32_t kNoDevice = 0xd0000000;  // nothing is there: each access exits to user space

constexpr std::array kWorks = {
    Work{"pio", "writes to a port", false, 0},
    Work{"cpuid", "CPUID, which KVM handles itself", false, 0},
    Work{"mmio", "writes to device memory", false, kNoDevice},
    Work{"interrupt", "HLT until an interrupt comes, whose handler writes to the port", true, kLapicBase},
    Work{"idle", "HLT, and nothing wakes it", true, 0},
};

class Code {
 public:
  Code& bytes(std::initializer_list<std::uint8_t> more) {
    bytes_.insert(bytes_.end(), more);
    return *this;
  }
  Code& word(std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i)
      bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  [[nodiscard]] std::size_t here() const { return bytes_.size(); }
  // 2 bytes: an opcode with a signed distance.
  Code& back_to(std::size_t target, std::uint8_t jump) {
    return bytes({jump, static_cast<std::uint8_t>(target - (here() + 2))});
  }
  [[nodiscard]] std::vector<std::uint8_t> done() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

// One event; the port is in DX, the count in ESI.
void event(Code& code, std::string_view work) {
  if (work == "pio") code.bytes({0xee});                            // out dx, al
  if (work == "cpuid") code.bytes({0x66, 0x31, 0xc0, 0x0f, 0xa2});  // xor eax, eax; cpuid
  if (work == "mmio") code.bytes({0xa2, 0x00, 0x00});               // mov [0], al
}

}  // namespace

std::span<const Work> works() {
  return kWorks;
}

const Work* find_work(std::string_view name) {
  const auto* const found = std::ranges::find(kWorks, name, &Work::name);
  return found == kWorks.end() ? nullptr : found;
}

std::vector<std::uint8_t> program(const Work& work, std::uint32_t events, std::uint16_t port) {
  Code code;
  code.bytes({0xba}).word(port, 2);          // mov dx, port
  code.bytes({0x66, 0xbe}).word(events, 4);  // mov esi, events
  const std::size_t loop = code.here();
  if (work.in_kernel_irqchip) {
    // Interrupts come at the HLT only, so no event is missed between the look at ESI and the HLT.
    code.bytes({0xfb, 0xf4, 0xfa});  // sti; hlt; cli
    code.bytes({0x66, 0x85, 0xf6});  // test esi, esi
    code.back_to(loop, 0x75);        // jnz loop
  } else if (events > 0) {
    event(code, work.name);
    if (work.name == "cpuid") code.bytes({0xba}).word(port, 2);  // it wrote DX
    code.bytes({0x66, 0x4e});                                    // dec esi
    code.back_to(loop, 0x75);                                    // jnz loop
  }
  code.bytes({0xe6, static_cast<std::uint8_t>(kEndPort)});  // out kEndPort, al
  code.back_to(code.here(), 0xeb);                          // jmp here
  return code.done();
}

std::vector<std::uint8_t> handler() {
  Code code;
  code.bytes({0x66, 0xa3, 0xb0, 0x00});  // mov [0xb0], eax: the LAPIC's EOI register
  code.bytes({0x66, 0x4e});              // dec esi
  code.bytes({0xee});                    // out dx, al: last, so the next interrupt finds this one ended
  code.bytes({0xcf});                    // iret
  return code.done();
}

}  // namespace trapline::bare
