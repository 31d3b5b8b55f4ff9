#include "vmm/irqchip/io_apic.h"

namespace trapline::vmm {

namespace {

constexpr std::uint64_t kIndexRegister = 0x00;
constexpr std::uint64_t kWindow = 0x10;
constexpr std::uint32_t kVersionIndex = 1;
constexpr std::uint32_t kVersion = 0x11 | (IoApic::kPins - 1) << 16;
constexpr std::uint32_t kFirstEntry = 0x10;
constexpr std::uint64_t kMasked = std::uint64_t{1} << 16;
constexpr unsigned kHalfBits = 32;
constexpr unsigned kDestinationShift = 56;
constexpr std::uint64_t kVectorMask = 0xff;

}  // namespace

std::array<std::uint64_t, IoApic::kPins> IoApic::masked_entries() {
  std::array<std::uint64_t, kPins> entries;
  entries.fill(kMasked);
  return entries;
}

void IoApic::write(std::uint64_t offset, std::uint32_t value) {
  if (offset == kIndexRegister) index_ = value & 0xff;
  if (offset != kWindow || index_ < kFirstEntry || index_ >= kFirstEntry + 2 * kPins) return;
  std::uint64_t& entry = entries_[(index_ - kFirstEntry) / 2];
  const unsigned shift = index_ % 2 ? kHalfBits : 0;
  entry = (entry & ~(std::uint64_t{0xffffffff} << shift)) | std::uint64_t{value} << shift;
}

std::uint32_t IoApic::read(std::uint64_t offset) const {
  if (offset == kIndexRegister) return index_;
  if (offset != kWindow) return 0;
  if (index_ == kVersionIndex) return kVersion;
  if (index_ < kFirstEntry || index_ >= kFirstEntry + 2 * kPins) return 0;
  return static_cast<std::uint32_t>(entries_[(index_ - kFirstEntry) / 2] >> (index_ % 2 ? kHalfBits : 0));
}

std::optional<IoApic::Route> IoApic::route(unsigned pin) const {
  if (pin >= kPins || entries_[pin] & kMasked) return std::nullopt;
  return Route{static_cast<std::uint32_t>(entries_[pin] >> kDestinationShift),
               static_cast<std::uint8_t>(entries_[pin] & kVectorMask)};
}

}  // namespace trapline::vmm
