// What the nano-kernel and the VMM agree on, in C for both: the guest-physical map, ports, stamps, counts.
// The guest is not trusted: the VMM bounds every value that it reads from here.
// Assembly and the linker script see the numbers only.
#ifndef TRAPLINE_VMM_GUEST_ABI_H
#define TRAPLINE_VMM_GUEST_ABI_H

// ---- Guest-physical map -------------------------------------------------------------------------------
// Identity-mapped: a guest-virtual address is its guest-physical one. vmm/machine/layout.h draws it.

#define GUEST_PAGE_BYTES 0x1000
#define GUEST_MAX_VCPUS 8

#define GUEST_GDT 0x001000  // descriptor tables: written by the VMM as the delivery path wants them
#define GUEST_IDT 0x002000
#define GUEST_PARAMS 0x003000  // struct guest_params
#define GUEST_PANIC 0x004000   // struct guest_panic
#define GUEST_TSS(vcpu) (0x008000 + (vcpu)*0x1000)
#define GUEST_COUNTS(vcpu) (0x010000 + (vcpu)*0x1000)  // struct guest_counts
#define GUEST_SHARED(vcpu) (0x018000 + (vcpu)*0x1000)  // struct guest_shared, user: writable
#define GUEST_PAGE_TABLES 0x020000
#define GUEST_PAGE_TABLES_END 0x060000
#define GUEST_KERNEL_STACK_BYTES 0x8000
#define GUEST_KERNEL_STACK_TOP(vcpu) (0x068000 + (vcpu)*0x8000)
#define GUEST_USER_STACK_BYTES 0x8000
#define GUEST_USER_STACK_TOP(vcpu) (0x0a8000 + (vcpu)*0x8000)
#define GUEST_DEMAND_PAGE(vcpu) (0x0e0000 + (vcpu)*0x1000)  // not present until the kernel maps it on #PF
#define GUEST_KERNEL_IMAGE 0x100000                         // begins with struct guest_image_header
#define GUEST_ISR_STUBS 0x100100  // entry for vector v: + v * GUEST_ISR_STUB_BYTES; recordings rely on it
#define GUEST_KERNEL_IMAGE_END 0x180000
#define GUEST_USER_IMAGE 0x180000
#define GUEST_USER_IMAGE_END 0x1c0000
// The monitor's, where the kernel is deprivileged: the ring-0 part that stands between hardware and it.
#define GUEST_MONITOR_IDT 0x1c0000
#define GUEST_MONITOR_GDT 0x1c1000
#define GUEST_MONITOR_AREA_BYTES 0x2000  // a page of struct guest_monitor_state and the TSS, a page of stack
#define GUEST_MONITOR_STATE(vcpu) (0x1c8000 + (vcpu)*GUEST_MONITOR_AREA_BYTES)
#define GUEST_MONITOR_TSS(vcpu) (GUEST_MONITOR_STATE(vcpu) + 0xc00)
#define GUEST_MONITOR_STACK_TOP(vcpu) (GUEST_MONITOR_STATE(vcpu) + GUEST_MONITOR_AREA_BYTES)
#define GUEST_EVENTS(vcpu) (0x1d8000 + (vcpu)*0x1000)  // struct guest_events, of the paravirtual paths
#define GUEST_MONITOR_IMAGE 0x1e0000
#define GUEST_MONITOR_IMAGE_END 0x200000
#define GUEST_RING(vcpu) (0x200000 + (vcpu)*0x200000)  // struct guest_stamp[], user: writable
#define GUEST_RING_MAX_STAMPS 65536                    // fills the 2 MiB
#define GUEST_RING_MIN_STAMPS 1024

#define GUEST_IOAPIC 0xfec00000  // IOREGSEL; IOWIN at +0x10 (82093AA datasheet, 3.1)
#define GUEST_IOAPIC_BYTES 0x1000
#define GUEST_MMIO 0xfed40000  // a device page of the VMM: the mmio workload's, writes do nothing

// ---- Selectors ----------------------------------------------------------------------------------------
// In the order that SYSCALL and SYSRET want (AMD APM vol. 2, 6.1.1): kernel CS, SS = CS + 8;
// user SS, CS = SS + 8.

#define GUEST_KERNEL_CS 0x08
#define GUEST_KERNEL_SS 0x10
#define GUEST_USER_SS 0x23
#define GUEST_USER_CS 0x2b
#define GUEST_DEPRIVILEGED_CS 0x31  // of a kernel at CPL 1
#define GUEST_DEPRIVILEGED_SS 0x39
#define GUEST_HIDDEN_USER_CS 0x43  // what user code runs on where GUEST_USER_CS is made to trap
#define GUEST_TSS_SELECTOR 0x48
#define GUEST_GDT_BYTES 0x58
#define GUEST_IDT_BYTES 0x1000

// ---- Vectors and interrupt sources ----------------------------------------------------------------------

#define GUEST_VECTOR_TIMER 0x40
#define GUEST_VECTOR_DEVICE 0x50
#define GUEST_VECTOR_DEVICE_MSI 0x51
#define GUEST_VECTOR_DEVICE_IRQFD 0x52
#define GUEST_VECTOR_IPI 0x60
#define GUEST_VECTOR_INT80 0x80
#define GUEST_VECTOR_HYPERCALL \
  0x82                             // INT from CPL 1: number in RAX, arguments in RDI, RSI, RDX; result in RAX
#define GUEST_VECTOR_PV_IRET 0x83  // INT from CPL 1: GUEST_HYPERCALL_IRET, which has no register to spare
#define GUEST_VECTOR_EVENT 0xf3    // the doorbell of the event channels
#define GUEST_VECTOR_SPURIOUS 0xff
// `vector` of K1 and K2 for SYSCALL, which enters through no IDT gate.
#define GUEST_VECTOR_SYSCALL 0x100

#define GUEST_DOORBELL_GSI 20  // above 15: routed to the IOAPIC only, not to the PIC as well
#define GUEST_IRQFD_GSI 24     // beyond the IOAPIC's pins: routed to an MSI

// Event channels of the paravirtual paths: bits of struct guest_events.
#define GUEST_CHANNEL_TIMER 0
#define GUEST_CHANNEL_DEVICE 1
#define GUEST_CHANNEL_IPI 2
#define GUEST_CHANNELS 3

// ---- Hypercalls of the paravirtual paths (docs/paths.md has the ABI) ------------------------------------

#define GUEST_HYPERCALL_NULL 0
#define GUEST_HYPERCALL_SET_TRAP_TABLE 1
#define GUEST_HYPERCALL_STACK_SWITCH 2
#define GUEST_HYPERCALL_SET_CALLBACKS 3
#define GUEST_HYPERCALL_IRET 4
#define GUEST_HYPERCALL_SET_TIMER 5
#define GUEST_HYPERCALL_BLOCK 6
#define GUEST_HYPERCALL_EVENT_SEND 7
#define GUEST_HYPERCALL_EVENT_DELIVER 8
#define GUEST_HYPERCALL_PORT_WRITE 9
#define GUEST_HYPERCALL_PORT_READ 10
#define GUEST_HYPERCALL_INVALIDATE_PAGE 11
#define GUEST_HYPERCALL_COUNT 12

// ---- Ports --------------------------------------------------------------------------------------------

#define GUEST_PORT_EXIT 0xf4  // 32 bits: 0 done, otherwise enum guest_panic_code (QEMU's isa-debug-exit port)
#define GUEST_PORT_PIO 0xf5   // 8 bits: the pio workload's, writes do nothing
#define GUEST_PORT_MONITOR 0xf6         // 8 bits: the monitor calls the VMM; what for lies on its stack
#define GUEST_PORT_DOORBELL_DELAY 0xf8  // 32 bits: microseconds, kept for the next ring
#define GUEST_PORT_DOORBELL_RING 0xfc   // 32 bits: GUEST_DOORBELL_*; starts the delay
#define GUEST_DOORBELL_LINE 0
#define GUEST_DOORBELL_MSI 1
#define GUEST_DOORBELL_IRQFD 2
#define GUEST_PORT_SERIAL 0x3f8  // 16550, eight ports

// ---- The trap frame that the kernel's entry code builds -------------------------------------------------
// Hardware pushes SS..RIP, and for some vectors an error code (AMD APM vol. 2, 8.9); the stub completes it.

#define GUEST_FRAME_RAX 112
#define GUEST_FRAME_VECTOR 120
#define GUEST_FRAME_ERROR_CODE 128
#define GUEST_FRAME_RIP 136
#define GUEST_FRAME_RFLAGS 152
#define GUEST_FRAME_RSP 160
#define GUEST_FRAME_BYTES 176
#define GUEST_ISR_STUB_BYTES 16

// ---- The monitor ----------------------------------------------------------------------------------------

#define GUEST_MONITOR_FRAME_BYTES 56
#define GUEST_MONITOR_TRAPS (GUEST_VECTOR_SYSCALL + 1)
#define GUEST_STATE_KERNEL_RSP 2056  // 8 for each of GUEST_MONITOR_TRAPS; asserted below, as all of these
#define GUEST_STATE_EVENTS (GUEST_STATE_KERNEL_RSP + 8)
#define GUEST_STATE_CR2 (GUEST_STATE_EVENTS + 8)
#define GUEST_STATE_SCRATCH (GUEST_STATE_CR2 + 8)
#define GUEST_STATE_FLUSH (GUEST_STATE_SCRATCH + 8)
#define GUEST_STATE_RESUME (GUEST_STATE_FLUSH + 8 + 128)
#define GUEST_EVENTS_MASK 0
#define GUEST_EVENTS_PENDING 1
#define GUEST_EVENTS_CR2 8
#define GUEST_STUB_BYTES 16

#define GUEST_IMAGE_MAGIC 0x454e494c50415254   // "TRAPLINE"
#define GUEST_PARAMS_MAGIC 0x534d415241504c54  // "TLPARAMS"

#ifndef __ASSEMBLER__

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
extern "C" {
#else
#include <stddef.h>
#include <stdint.h>
#endif

struct guest_trap_frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector;
  uint64_t error_code;  // 0 where hardware pushes none
  uint64_t rip, cs, rflags, rsp, ss;
};

// Starts the kernel's image: what the VMM needs to build the gates.
struct guest_image_header {
  uint64_t magic;           // GUEST_IMAGE_MAGIC
  uint64_t isr_stubs;       // GUEST_ISR_STUBS
  uint64_t isr_stub_bytes;  // GUEST_ISR_STUB_BYTES
  uint64_t direct_stubs;    // the same for gates into a kernel at CPL 1
  uint64_t syscall_entry;   // for LSTAR
  // The monitor's entries; stubs are GUEST_STUB_BYTES each.
  uint64_t monitor_exit_stubs;      // vector v: calls the VMM
  uint64_t monitor_bounce_stubs;    // vector v: enters the kernel's registered handler, without an exit
  uint64_t monitor_syscall_exit;    // SYSCALL: calls the VMM
  uint64_t monitor_syscall_bounce;  // SYSCALL: enters the kernel's callback
  uint64_t monitor_hypercall;       // GUEST_VECTOR_HYPERCALL: those that need no VMM are answered here
  uint64_t monitor_iret;            // GUEST_VECTOR_PV_IRET
  uint64_t monitor_event;           // GUEST_VECTOR_EVENT
  uint64_t monitor_flush_page;      // INVLPG of guest_monitor_state::flush, then IRETQ
  uint64_t monitor_load_cr3;        // CR3 := guest_monitor_state::flush, then IRETQ
};

// What the monitor has on its stack when it calls the VMM: always at GUEST_MONITOR_STACK_TOP less its size,
// unless the monitor itself trapped.
struct guest_monitor_frame {
  uint64_t vector;  // GUEST_VECTOR_SYSCALL: SYSCALL
  uint64_t error_code;
  uint64_t rip, cs, rflags, rsp, ss;
};

// The VMM and the monitor share it. A deprivileged kernel could write to it, as to all of the guest's memory.
struct guest_monitor_state {
  uint64_t traps[GUEST_MONITOR_TRAPS];  // handlers of the kernel, by vector; 0: none
  uint64_t kernel_rsp;                  // the stack of handlers of traps from user mode
  uint64_t events;                      // address of struct guest_events
  uint64_t cr2;                         // of the last page fault
  uint64_t scratch;
  uint64_t flush;  // argument of monitor_flush_page and monitor_load_cr3
  uint64_t
      resume_stack[16];  // room for one interrupt frame: an interrupt that is delivered twice may come here
  uint64_t resume[5];    // frame that those two return to
};

// ---- Event channels: shared by a paravirtual kernel and the VMM -------------------------------------------

struct guest_events {
  uint8_t upcall_mask;     // 1: no upcalls; what IF is to hardware. Set by an upcall, restored by iret
  uint8_t upcall_pending;  // 1: some channel is pending and not masked
  uint8_t reserved[6];
  uint64_t cr2;      // of the page fault that was delivered last
  uint64_t pending;  // bit per channel; set by the VMM, cleared by the kernel
  uint64_t mask;     // bit per channel, the kernel's
};

// An entry of the table that GUEST_HYPERCALL_SET_TRAP_TABLE takes; the last has handler 0.
struct guest_trap_info {
  uint16_t vector;
  uint16_t flags;  // GUEST_TRAP_*
  uint32_t reserved;
  uint64_t handler;
};

#define GUEST_TRAP_USER 1  // INT from user mode may use it

// ---- Stamps -------------------------------------------------------------------------------------------

// What a stamp marks. U0..U3 are the four points of every delivery path.
enum guest_stamp_kind {
  GUEST_STAMP_U0 = 1,  // before the event is caused or awaited        arg: iteration
  // ISR or system-call entry, registers saved. arg: interrupted RIP. The ISR's own first instruction: the
  // interrupt was delivered a second time before that instruction ran
  GUEST_STAMP_K1 = 2,
  GUEST_STAMP_K2 = 3,              // just before registers are restored and iretq arg: RIP returned to
  GUEST_STAMP_U3 = 4,              // after the event, where U0 was                arg: iteration
  GUEST_STAMP_EOI = 5,             // just before the EOI write                    arg: 0
  GUEST_STAMP_WORKLOAD_BEGIN = 6,  // arg: enum guest_workload | count << 32
  GUEST_STAMP_WORKLOAD_END = 7,    // arg: enum guest_workload | events done << 32
  GUEST_STAMP_NOTHING = 8,         // one more stamp, to see what a stamp costs    arg: iteration
};

// One stamp, written by one vCPU. `seq` is written last: slot i of the ring holds a whole stamp of sequence
// number s when seq == s + 1 and s % capacity == i. A slot is reserved (head) before its TSC is read, so an
// ISR that comes between the two has later sequence numbers and earlier TSCs than the stamp it interrupted.
struct guest_stamp {
  uint64_t tsc;       // RDTSC of the vCPU
  uint64_t arg;       // by kind
  uint64_t seq;       // sequence number + 1
  uint16_t kind;      // enum guest_stamp_kind
  uint16_t vector;    // K1, K2, EOI: the vector; otherwise 0
  uint16_t workload;  // enum guest_workload running, 0 outside
  uint16_t reserved;
};

// `head` is advanced by one XADD before the slot is written: a copy of stamp s was not overwritten while it
// was made if head <= s + capacity still holds after it. Loops wait, outside of U0..U3, while the ring is
// nearly full, so that only ISRs can overrun it.
// A page per vCPU that its kernel, its user program and the VMM share.
struct guest_shared {
  uint64_t head;        // guest: stamps reserved so far
  uint64_t tail;        // VMM: stamps read so far
  uint64_t capacity;    // VMM, at boot: slots in the ring, a power of two
  uint64_t workload;    // kernel: enum guest_workload running
  uint64_t waits;       // guest: how often a loop waited for the VMM to read
  uint64_t interrupts;  // kernel: interrupts of timer, doorbell and IPIs so far; what loops wait on
  uint64_t idle;        // of a vCPU that answers IPIs: how often it was about to halt
  uint64_t halted_at;   // the same: `interrupts` when it was about to halt last, with interrupts off
  // Bounds of waiting, set by the VMM at boot. A loop gives up after this many rounds of GUEST_WAIT_ROUND
  // looks, but not before this many TSC ticks have passed; a halt after this many wake-ups without an
  // interrupt.
  uint64_t wait_rounds;
  uint64_t wait_ticks;
  uint64_t wake_limit;
  uint64_t waits_for;      // guest: enum guest_wait of a wait that takes long
  uint64_t waited_rounds;  // guest: rounds, or wake-ups, of that wait so far
};

// Looks in a round of this wait (enum guest_wait). At the serial port each look is an exit.
#define GUEST_WAIT_ROUND(what) ((what) == GUEST_WAIT_SERIAL ? 1u << 10 : 1u << 20)
#define GUEST_MAX_EARLY 64  // interrupts in a row that came before the loop was ready for them

// What a guest waits for.
enum guest_wait {
  GUEST_WAIT_NONE = 0,
  GUEST_WAIT_INTERRUPT = 1,       // user code: the interrupt of a timer or device
  GUEST_WAIT_WAKE_UP = 2,         // HLT: an interrupt
  GUEST_WAIT_TARGET_HALTED = 3,   // the IPI target: has handled everything and is about to halt
  GUEST_WAIT_TARGET_HANDLED = 4,  // the IPI target: has handled the IPI
  GUEST_WAIT_SETTLE = 5,          // the TSC to advance
  GUEST_WAIT_RING_ROOM = 6,       // the VMM: has read stamps
  GUEST_WAIT_SERIAL = 7,          // the serial port: takes a character
  GUEST_WAIT_NOT_EARLY = 8,       // an interrupt that comes after the loop is ready for it
};

// ---- Ground truth -------------------------------------------------------------------------------------

enum guest_count_kind {
  GUEST_COUNT_NONE = 0,
  GUEST_COUNT_IO = 1,         // key: port      port accesses (each causes an exit)
  GUEST_COUNT_MSR = 2,        // key: MSR       accesses of x2APIC MSRs
  GUEST_COUNT_MMIO = 3,       // key: GPA       accesses of emulated device memory
  GUEST_COUNT_CPUID = 4,      // key: 0
  GUEST_COUNT_HLT = 5,        // key: 0
  GUEST_COUNT_ISR = 6,        // key: vector    ISR or system-call entries
  GUEST_COUNT_HYPERCALL = 8,  // key: 0        null hypercalls
  GUEST_COUNT_EVENT = 7,      // key: enum guest_workload   events of workloads that have ended
};

struct guest_count {
  uint32_t kind;  // enum guest_count_kind; 0: slot free
  uint32_t key;
  uint64_t count;
};

#define GUEST_COUNT_SLOTS 128

struct guest_counts {
  struct guest_count slots[GUEST_COUNT_SLOTS];
};

// ---- Workloads ----------------------------------------------------------------------------------------

enum guest_workload {
  GUEST_WORKLOAD_NONE = 0,
  GUEST_WORKLOAD_INT80 = 1,
  GUEST_WORKLOAD_SYSCALL = 2,
  GUEST_WORKLOAD_PAGE_FAULT = 3,
  GUEST_WORKLOAD_DIVIDE = 4,
  GUEST_WORKLOAD_TIMER = 5,
  GUEST_WORKLOAD_DEVICE = 6,
  GUEST_WORKLOAD_DEVICE_MSI = 7,
  GUEST_WORKLOAD_PIO = 8,
  GUEST_WORKLOAD_CPUID = 9,
  GUEST_WORKLOAD_HLT = 10,
  GUEST_WORKLOAD_TRIPLE_FAULT = 11,
  GUEST_WORKLOAD_GENERAL_PROTECTION = 12,
  GUEST_WORKLOAD_DEVICE_IRQFD = 13,
  GUEST_WORKLOAD_IPI = 14,
  GUEST_WORKLOAD_HYPERCALL = 15,
  GUEST_WORKLOAD_MMIO = 16,
  GUEST_WORKLOAD_PRIVILEGED = 17,
  GUEST_WORKLOAD_KERNEL_TOUCH = 18,
  GUEST_WORKLOAD_CORRUPT_TABLE = 19,
  GUEST_WORKLOAD_CORRUPT_STACK = 20,
  GUEST_WORKLOAD_STAMPS = 21,
  // Of the tests: waits that nothing ends.
  GUEST_WORKLOAD_NEVER_INTERRUPTED = 22,
  GUEST_WORKLOAD_NEVER_WOKEN = 23,
  GUEST_WORKLOAD_NEVER_ANSWERED = 24,
  GUEST_WORKLOAD_COUNT = 25,
};

// ---- What the VMM tells the kernel at boot --------------------------------------------------------------

#define GUEST_FLAG_STAMPS 1  // write stamps; without it the loops are bare
#define GUEST_FLAG_GREET 2   // greet over the serial port
#define GUEST_FLAG_VMCALL 4  // hypercalls to KVM by VMCALL (Intel), otherwise VMMCALL
#define GUEST_MAX_WORKLOADS 64

// What the kernel was built for, had it been built more than once: how it does what is privileged.
enum guest_platform {
  GUEST_PLATFORM_HARDWARE = 0,  // by the instructions that hardware has for it
  GUEST_PLATFORM_KVM_PV = 1,    // the same, and KVM's paravirtual EOI and IPI
  GUEST_PLATFORM_PV = 2,        // by hypercalls and event channels
  GUEST_PLATFORM_PV_DIRECT =
      3,  // the same, but it is entered by hardware for some traps and returns by IRETQ
};

struct guest_workload_request {
  uint32_t workload;  // enum guest_workload
  uint32_t count;     // events
};

struct guest_params {
  uint64_t magic;        // GUEST_PARAMS_MAGIC
  uint64_t demand_pte;   // address of the page-table entry of GUEST_DEMAND_PAGE(0)
  uint32_t flags;        // GUEST_FLAG_*
  uint32_t timer_ns;     // LAPIC timer: from arming to expiry
  uint32_t doorbell_us;  // doorbell: from ringing to the interrupt
  uint32_t platform;     // enum guest_platform
  uint32_t vcpus;
  uint32_t workload_count;
  struct guest_workload_request workloads[GUEST_MAX_WORKLOADS];
};

// ---- How the kernel gives up ----------------------------------------------------------------------------

enum guest_panic_code {
  GUEST_PANIC_EXCEPTION = 1,    // an exception or interrupt that nothing expected
  GUEST_PANIC_PARAMS = 2,       // struct guest_params is not what the kernel was built for
  GUEST_PANIC_COUNTS_FULL = 3,  // more things to count than GUEST_COUNT_SLOTS
  GUEST_PANIC_SYSTEM_CALL = 4,  // no such system call
  GUEST_PANIC_WAIT = 5,         // a wait reached its bound: guest_shared::waits_for of that vCPU
  GUEST_PANIC_NOT_ENDED = 6,    // the VMM entered the guest again after it had ended the run
};

struct guest_panic {
  uint64_t frame;  // address of a struct guest_trap_frame, 0: none
  uint64_t vcpu;   // whose
};

#ifdef __cplusplus
}
#define GUEST_ABI_ASSERT(condition) static_assert(condition)
#else
#define GUEST_ABI_ASSERT(condition) _Static_assert(condition, #condition)
#endif

GUEST_ABI_ASSERT(sizeof(struct guest_stamp) == 32 && offsetof(struct guest_stamp, seq) == 16);
GUEST_ABI_ASSERT(sizeof(struct guest_count) == 16);
GUEST_ABI_ASSERT(sizeof(struct guest_counts) <= GUEST_PAGE_BYTES);
GUEST_ABI_ASSERT(sizeof(struct guest_params) <= GUEST_PAGE_BYTES);
GUEST_ABI_ASSERT(sizeof(struct guest_image_header) == 112);
GUEST_ABI_ASSERT(sizeof(struct guest_monitor_frame) == GUEST_MONITOR_FRAME_BYTES);
GUEST_ABI_ASSERT(offsetof(struct guest_monitor_state, kernel_rsp) == GUEST_STATE_KERNEL_RSP);
GUEST_ABI_ASSERT(offsetof(struct guest_monitor_state, events) == GUEST_STATE_EVENTS);
GUEST_ABI_ASSERT(offsetof(struct guest_monitor_state, cr2) == GUEST_STATE_CR2);
GUEST_ABI_ASSERT(offsetof(struct guest_monitor_state, scratch) == GUEST_STATE_SCRATCH);
GUEST_ABI_ASSERT(offsetof(struct guest_monitor_state, flush) == GUEST_STATE_FLUSH);
GUEST_ABI_ASSERT(offsetof(struct guest_monitor_state, resume) == GUEST_STATE_RESUME);
GUEST_ABI_ASSERT(sizeof(struct guest_monitor_state) <= GUEST_MONITOR_TSS(0ULL) - GUEST_MONITOR_STATE(0ULL));
GUEST_ABI_ASSERT(offsetof(struct guest_events, upcall_mask) == GUEST_EVENTS_MASK);
GUEST_ABI_ASSERT(offsetof(struct guest_events, upcall_pending) == GUEST_EVENTS_PENDING);
GUEST_ABI_ASSERT(offsetof(struct guest_events, cr2) == GUEST_EVENTS_CR2);
GUEST_ABI_ASSERT(sizeof(struct guest_trap_info) == 16);
GUEST_ABI_ASSERT(sizeof(struct guest_trap_frame) == GUEST_FRAME_BYTES);
GUEST_ABI_ASSERT(offsetof(struct guest_trap_frame, rax) == GUEST_FRAME_RAX);
GUEST_ABI_ASSERT(offsetof(struct guest_trap_frame, vector) == GUEST_FRAME_VECTOR);
GUEST_ABI_ASSERT(offsetof(struct guest_trap_frame, error_code) == GUEST_FRAME_ERROR_CODE);
GUEST_ABI_ASSERT(offsetof(struct guest_trap_frame, rip) == GUEST_FRAME_RIP);
GUEST_ABI_ASSERT(offsetof(struct guest_trap_frame, rflags) == GUEST_FRAME_RFLAGS);
GUEST_ABI_ASSERT(offsetof(struct guest_trap_frame, rsp) == GUEST_FRAME_RSP);

#endif  // __ASSEMBLER__
#endif
