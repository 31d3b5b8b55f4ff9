#include "vmm/machine/port_bus.h"

#include <cstring>

namespace trapline::vmm {

void PortBus::attach(std::uint16_t first, std::uint16_t count, PortDevice& device) {
  ranges_.push_back({first, count, &device});
}

PortDevice* PortBus::find(std::uint16_t port) const {
  for (const Range& range : ranges_) {
    if (port >= range.first && port - range.first < range.count) return range.device;
  }
  return nullptr;
}

bool PortBus::write(std::uint16_t port, unsigned bytes, std::uint32_t value) const {
  PortDevice* const device = find(port);
  if (device == nullptr) return false;
  const std::lock_guard lock(mutex_);
  device->write(port, bytes, value);
  return true;
}

std::optional<std::uint32_t> PortBus::read(std::uint16_t port, unsigned bytes) const {
  PortDevice* const device = find(port);
  if (device == nullptr) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return device->read(port, bytes);
}

bool PortBus::handle(bool is_write, std::uint16_t port, unsigned bytes, std::span<std::byte> data) const {
  if (bytes != 1 && bytes != 2 && bytes != 4) return false;
  for (; data.size() >= bytes; data = data.subspan(bytes)) {
    std::uint32_t value = 0;
    if (is_write) {
      std::memcpy(&value, data.data(), bytes);  // little-endian: the low bytes
      if (!write(port, bytes, value)) return false;
    } else {
      const auto got = read(port, bytes);
      if (!got) return false;
      value = *got;
      std::memcpy(data.data(), &value, bytes);
    }
  }
  return true;
}

void ExitPort::write(std::uint16_t /*port*/, unsigned /*bytes*/, std::uint32_t value) {
  code_.store(value);
}
std::optional<std::uint32_t> ExitPort::code() const {
  const std::uint64_t code = code_.load();
  if (code == kNotWritten) return std::nullopt;
  return static_cast<std::uint32_t>(code);
}
std::uint32_t ExitPort::read(std::uint16_t /*port*/, unsigned /*bytes*/) {
  return 0;
}

void IdlePort::write(std::uint16_t /*port*/, unsigned /*bytes*/, std::uint32_t /*value*/) {}
std::uint32_t IdlePort::read(std::uint16_t /*port*/, unsigned /*bytes*/) {
  return 0;
}

}  // namespace trapline::vmm
