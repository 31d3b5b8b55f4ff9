// I/O ports and the devices behind them. One vCPU at a time is with the devices; the others wait.
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace trapline::vmm {

class PortDevice {
 public:
  virtual ~PortDevice() = default;
  // `bytes` is 1, 2 or 4; the value's upper bytes are zero.
  virtual void write(std::uint16_t port, unsigned bytes, std::uint32_t value) = 0;
  virtual std::uint32_t read(std::uint16_t port, unsigned bytes) = 0;
};

class PortBus {
 public:
  // The device must outlive the bus. The first one that has a port gets it.
  void attach(std::uint16_t first, std::uint16_t count, PortDevice& device);

  // Nothing is done and false returned where no device is.
  bool write(std::uint16_t port, unsigned bytes, std::uint32_t value) const;
  [[nodiscard]] std::optional<std::uint32_t> read(std::uint16_t port, unsigned bytes) const;

  // Does what a KVM_EXIT_IO asks for, repeated instructions included. `data` are the values, where KVM put
  // them.
  bool handle(bool is_write, std::uint16_t port, unsigned bytes, std::span<std::byte> data) const;

 private:
  struct Range {
    std::uint16_t first;
    std::uint16_t count;
    PortDevice* device;
  };
  [[nodiscard]] PortDevice* find(std::uint16_t port) const;

  mutable std::mutex mutex_;  // held around each access of a device
  std::vector<Range> ranges_;
};

// The port that ends the run: GUEST_PORT_EXIT.
class ExitPort final : public PortDevice {
 public:
  void write(std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  std::uint32_t read(std::uint16_t port, unsigned bytes) override;
  // What the guest has written: 0 done, otherwise enum guest_panic_code. From any thread.
  [[nodiscard]] std::optional<std::uint32_t> code() const;

 private:
  static constexpr std::uint64_t kNotWritten = ~std::uint64_t{0};
  std::atomic<std::uint64_t> code_{kNotWritten};
};

// A port that takes everything and does nothing: GUEST_PORT_PIO.
class IdlePort final : public PortDevice {
 public:
  void write(std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  std::uint32_t read(std::uint16_t port, unsigned bytes) override;
};

}  // namespace trapline::vmm
