#include "vmm/paths/hypercalls.h"

#include <utility>
#include <vector>

#include "tests/unit/vmm/x86/guest_space.h"

namespace trapline::vmm {
namespace {

using Then = HypercallResult::Then;

class FakeServices final : public HypercallServices {
 public:
  void registration_changed(std::uint32_t /*vcpu*/, const PvRegistration& /*registration*/) override {
    ++changes;
  }
  void set_timer(std::uint32_t vcpu, std::uint64_t ns) override { timers.emplace_back(vcpu, ns); }
  bool send_event(std::uint32_t vcpu, std::uint64_t channel) override {
    if (vcpu > 1) return false;
    events.emplace_back(vcpu, channel);
    return true;
  }
  bool write_port(std::uint16_t port, unsigned bytes, std::uint32_t value) override {
    if (port != 0xf5) return false;
    written = {bytes, value};
    return true;
  }
  std::optional<std::uint32_t> read_port(std::uint16_t port, unsigned /*bytes*/) override {
    return port == 0xf5 ? std::optional<std::uint32_t>(0x42) : std::nullopt;
  }
  void invalidate_page(std::uint64_t gva) override { invalidated = gva; }

  int changes = 0;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> timers;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> events;
  std::pair<unsigned, std::uint32_t> written;
  std::uint64_t invalidated = 0;
};

class Hypercalls : public x86::GuestSpaceTest {
 protected:
  HypercallResult call(std::uint64_t number, std::uint64_t first = 0, std::uint64_t second = 0,
                       std::uint64_t third = 0) {
    return do_hypercall(0, {number, first, second, third}, space_, registration_, services_);
  }
  PvRegistration registration_;
  FakeServices services_;
};

TEST_F(Hypercalls, NullDoesNothing) {
  const auto result = call(GUEST_HYPERCALL_NULL);
  EXPECT_EQ(result.then, Then::resume);
  EXPECT_EQ(result.value, 0U);
}

TEST_F(Hypercalls, TheTrapTableIsReadToItsEnd) {
  const guest_trap_info table[] = {
      {14, 0, 0, 0x1000}, {0x80, GUEST_TRAP_USER, 0, 0x2000}, {}, {3, 0, 0, 0x3000}};
  const std::uint64_t at = kSecondPage - sizeof table[0];  // crosses a page
  ASSERT_TRUE(x86::write_object(space_, at, table));
  EXPECT_EQ(call(GUEST_HYPERCALL_SET_TRAP_TABLE, at).then, Then::resume);
  EXPECT_EQ(registration_.traps[14], 0x1000U);
  EXPECT_EQ(registration_.traps[0x80], 0x2000U);
  EXPECT_EQ(registration_.traps[3], 0U);  // behind the end
  EXPECT_EQ(services_.changes, 1);
}

TEST_F(Hypercalls, ABrokenTrapTableChangesNothing) {
  const auto unmapped = call(GUEST_HYPERCALL_SET_TRAP_TABLE, 0x7f0000000000);
  EXPECT_EQ(unmapped.then, Then::crash);
  EXPECT_NE(unmapped.reason.find("not mapped"), std::string::npos);

  const guest_trap_info beyond[] = {{14, 0, 0, 0x1000}, {0x100, 0, 0, 0x1000}, {}};
  ASSERT_TRUE(x86::write_object(space_, kFirstPage, beyond));
  EXPECT_EQ(call(GUEST_HYPERCALL_SET_TRAP_TABLE, kFirstPage).then, Then::crash);
  const guest_trap_info nowhere[] = {{14, 0, 0, 0x8000'0000'0000'0000}, {}};
  ASSERT_TRUE(x86::write_object(space_, kFirstPage, nowhere));
  EXPECT_EQ(call(GUEST_HYPERCALL_SET_TRAP_TABLE, kFirstPage).then, Then::crash);
  EXPECT_EQ(registration_.traps[14], 0U);
  EXPECT_EQ(services_.changes, 0);
}

// A table without an end is read up to one entry per vector, and no further.
TEST_F(Hypercalls, ATrapTableWithoutAnEndEnds) {
  std::vector<guest_trap_info> table(2 * x86::kPageBytes / sizeof(guest_trap_info), {14, 0, 0, 0x1000});
  ASSERT_TRUE(x86::write_bytes(space_, kFirstPage, std::as_bytes(std::span(table))));
  EXPECT_EQ(call(GUEST_HYPERCALL_SET_TRAP_TABLE, kFirstPage).then, Then::resume);
}

TEST_F(Hypercalls, StackAndCallbacksAreRegistered) {
  EXPECT_EQ(call(GUEST_HYPERCALL_STACK_SWITCH, 0x68000).then, Then::resume);
  EXPECT_EQ(call(GUEST_HYPERCALL_SET_CALLBACKS, 0x1000, 0x2000).then, Then::resume);
  EXPECT_EQ(registration_.kernel_rsp, 0x68000U);
  EXPECT_EQ(registration_.traps[GUEST_VECTOR_EVENT], 0x1000U);
  EXPECT_EQ(registration_.traps[GUEST_VECTOR_SYSCALL], 0x2000U);
  EXPECT_EQ(call(GUEST_HYPERCALL_SET_CALLBACKS, 0x8000'0000'0000'0000, 0).then, Then::crash);
}

TEST_F(Hypercalls, TimersAndEventsAreAskedOfTheServices) {
  call(GUEST_HYPERCALL_SET_TIMER, 1'000'000);
  ASSERT_EQ(services_.timers.size(), 1U);
  EXPECT_EQ(services_.timers[0].second, 1'000'000U);
  EXPECT_EQ(call(GUEST_HYPERCALL_EVENT_SEND, 1, GUEST_CHANNEL_IPI).then, Then::resume);
  ASSERT_EQ(services_.events.size(), 1U);
  EXPECT_EQ(call(GUEST_HYPERCALL_EVENT_SEND, 7, 0).then, Then::crash);
  EXPECT_EQ(call(GUEST_HYPERCALL_EVENT_SEND, std::uint64_t{1} << 32, 0).then, Then::crash);
  EXPECT_EQ(call(GUEST_HYPERCALL_BLOCK).then, Then::block);
  call(GUEST_HYPERCALL_INVALIDATE_PAGE, 0xe0000);
  EXPECT_EQ(services_.invalidated, 0xe0000U);
}

TEST_F(Hypercalls, PortsAreThoseOfDevices) {
  EXPECT_EQ(call(GUEST_HYPERCALL_PORT_WRITE, 0xf5, 1, 7).then, Then::resume);
  EXPECT_EQ(services_.written, (std::pair<unsigned, std::uint32_t>{1, 7}));
  EXPECT_EQ(call(GUEST_HYPERCALL_PORT_READ, 0xf5, 1).value, 0x42U);
  EXPECT_EQ(call(GUEST_HYPERCALL_PORT_WRITE, 0x70, 1, 0).then, Then::crash);
  EXPECT_EQ(call(GUEST_HYPERCALL_PORT_WRITE, 0x100f5, 1, 0).then, Then::crash);
  EXPECT_EQ(call(GUEST_HYPERCALL_PORT_READ, 0xf5, 3).then, Then::crash);
}

TEST_F(Hypercalls, AnUnknownNumberIsACrash) {
  for (const std::uint64_t number :
       {std::uint64_t{GUEST_HYPERCALL_IRET}, std::uint64_t{GUEST_HYPERCALL_COUNT}, ~std::uint64_t{0}}) {
    EXPECT_EQ(call(number).then, Then::crash) << number;
  }
}

}  // namespace
}  // namespace trapline::vmm
