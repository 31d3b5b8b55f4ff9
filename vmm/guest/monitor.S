// The monitor: the ring-0 part of the paths whose kernel runs at CPL 1. Hardware delivers every trap here. It
// either calls the VMM by an OUT, with the trap's frame on its stack, and goes on wherever the VMM has made
// that frame lead; or, where the kernel has registered its handlers, enters them itself without an exit.
// docs/paths.md draws both.
#include "vmm/guest/abi.h"

#define PUSHES_ERROR_CODE(v) \
        ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)
// The same as bits, for vectors below 32.
#define ERROR_CODE_VECTORS 0x60227d00

#define RFLAGS_IF_BIT 9
#define RFLAGS_IF 0x200
#define RFLAGS_FIXED 2
// Not handed from a frame to hardware: TF, IOPL, NT, RF, VM, AC.
#define RFLAGS_WITHHELD 0x77100

// The state of this vCPU, from the stack that the monitor runs on.
.macro LOAD_STATE register
        mov %rsp, \register
        and $~(GUEST_MONITOR_AREA_BYTES - 1), \register
.endm

        .section .monitor_text, "ax"

        .balign GUEST_STUB_BYTES
        .globl monitor_exit_stubs
monitor_exit_stubs:
        .set vector, 0
        .rept 256
        .balign GUEST_STUB_BYTES
        .if !PUSHES_ERROR_CODE(vector)
        push $0
        .endif
        .byte 0x68  // push imm32: one length for all vectors
        .long vector
        .if vector == 14
        jmp exit_with_cr2
        .else
        out %al, $GUEST_PORT_MONITOR
        add $16, %rsp
        iretq
        .endif
        .set vector, vector + 1
        .endr

        .balign GUEST_STUB_BYTES
        .globl monitor_bounce_stubs
monitor_bounce_stubs:
        .set vector, 0
        .rept 256
        .balign GUEST_STUB_BYTES
        .if !PUSHES_ERROR_CODE(vector)
        push $0
        .endif
        .byte 0x68
        .long vector
        .byte 0xe9  // jmp rel32
        .long bounce - . - 4
        .set vector, vector + 1
        .endr

// CR2 may be overwritten by the next fault before anyone asks for it.
exit_with_cr2:
        push %rax
        push %rdx
        LOAD_STATE %rdx
        mov %cr2, %rax
        mov %rax, GUEST_STATE_CR2(%rdx)
        pop %rdx
        pop %rax
call_vmm:
        out %al, $GUEST_PORT_MONITOR
        add $16, %rsp
        iretq

// SYSCALL switches no stack. User code runs on vCPU 0 only.
.macro SYSCALL_FRAME
        mov %rsp, GUEST_MONITOR_STATE(0) + GUEST_STATE_SCRATCH
        mov $GUEST_MONITOR_STACK_TOP(0), %rsp
        push $GUEST_USER_SS
        push GUEST_MONITOR_STATE(0) + GUEST_STATE_SCRATCH
        push %r11
        push $GUEST_USER_CS
        push %rcx
        push $0
        push $GUEST_VECTOR_SYSCALL
.endm

        .globl monitor_syscall_exit
monitor_syscall_exit:
        SYSCALL_FRAME
        jmp call_vmm

        .globl monitor_syscall_bounce
monitor_syscall_bounce:
        SYSCALL_FRAME
// On the stack: a struct guest_monitor_frame. Its hardware part is copied to the kernel's stack, with the
// error code where there is one, and made to lead to the kernel's handler.
bounce:
        push %rax
        push %rbx
        push %rcx
        push %rdx
#define VECTOR 32
#define ERROR_CODE 40
#define RIP 48
#define CS 56
#define RFLAGS 64
#define RSP 72
#define SS 80
        LOAD_STATE %rdx
        testb $3, CS(%rsp)  // the monitor itself has trapped
        jz bounce_to_vmm
        mov VECTOR(%rsp), %rcx
        cmpq $0, (%rdx, %rcx, 8)  // nothing registered
        je bounce_to_vmm

        mov RSP(%rsp), %rbx
        testb $2, CS(%rsp)
        jz 1f
        mov GUEST_STATE_KERNEL_RSP(%rdx), %rbx
1:      and $~15, %rbx  // as hardware does
        sub $40, %rbx
        mov RIP(%rsp), %rax
        mov %rax, (%rbx)
        mov CS(%rsp), %rax
        mov %rax, 8(%rbx)
        mov RSP(%rsp), %rax
        mov %rax, 24(%rbx)
        mov SS(%rsp), %rax
        mov %rax, 32(%rbx)

        // The kernel's IF is the upcall mask, the other way round.
        mov RFLAGS(%rsp), %rax
        push %rcx
        mov GUEST_STATE_EVENTS(%rdx), %rcx
        bts $RFLAGS_IF_BIT, %rax
        cmpb $0, GUEST_EVENTS_MASK(%rcx)
        je 2f
        btr $RFLAGS_IF_BIT, %rax
2:      movb $1, GUEST_EVENTS_MASK(%rcx)
        mov %rax, 16(%rbx)
        cmpl $14, (%rsp)
        jne 3f
        mov %cr2, %rax
        mov %rax, GUEST_EVENTS_CR2(%rcx)
3:      pop %rcx

        cmp $32, %ecx
        jae 4f
        mov $ERROR_CODE_VECTORS, %eax
        bt %ecx, %eax
        jnc 4f
        sub $8, %rbx
        mov ERROR_CODE(%rsp), %rax
        mov %rax, (%rbx)
4:      mov (%rdx, %rcx, 8), %rax
        mov %rax, RIP(%rsp)
        movq $GUEST_DEPRIVILEGED_CS, CS(%rsp)
        andq $~RFLAGS_WITHHELD, RFLAGS(%rsp)
        orq $RFLAGS_IF, RFLAGS(%rsp)
        mov %rbx, RSP(%rsp)
        movq $GUEST_DEPRIVILEGED_SS, SS(%rsp)
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        add $16, %rsp
        iretq
bounce_to_vmm:
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        jmp call_vmm
#undef VECTOR
#undef ERROR_CODE
#undef RIP
#undef CS
#undef RFLAGS
#undef RSP
#undef SS

// Hardware pushes no more than its frame for an INT. Everything but what can be answered here is the VMM's.
        .globl monitor_hypercall
monitor_hypercall:
        cmp $GUEST_HYPERCALL_NULL, %rax
        jne 1f
        xor %eax, %eax
        iretq
1:      cmp $GUEST_HYPERCALL_INVALIDATE_PAGE, %rax
        jne 2f
        invlpg (%rdi)
        xor %eax, %eax
        iretq
2:      push $0
        push $GUEST_VECTOR_HYPERCALL
        jmp call_vmm

// The frame to return to lies on the kernel's stack. What it leads to is not trusted: only the user's and the
// kernel's own segments.
        .globl monitor_iret
monitor_iret:
        push %rax
        push %rbx
        push %rcx
        push %rdx
#define RIP 32
#define CS 40
#define RFLAGS 48
#define RSP 56
#define SS 64
        LOAD_STATE %rdx
        mov RSP(%rsp), %rbx
        mov 8(%rbx), %rax
        cmp $GUEST_USER_CS, %rax
        jne 1f
        movq $GUEST_USER_SS, SS(%rsp)
        jmp 2f
1:      cmp $GUEST_DEPRIVILEGED_CS, %rax
        jne iret_to_vmm
        movq $GUEST_DEPRIVILEGED_SS, SS(%rsp)
2:      mov %rax, CS(%rsp)
        mov (%rbx), %rax
        mov %rax, RIP(%rsp)
        mov 24(%rbx), %rax
        mov %rax, RSP(%rsp)
        mov 16(%rbx), %rax
        mov GUEST_STATE_EVENTS(%rdx), %rcx
        bt $RFLAGS_IF_BIT, %rax
        setnc GUEST_EVENTS_MASK(%rcx)
        and $~RFLAGS_WITHHELD, %rax
        or $(RFLAGS_IF | RFLAGS_FIXED), %rax
        mov %rax, RFLAGS(%rsp)
        cmpb $0, GUEST_EVENTS_MASK(%rcx)
        jne 3f
        cmpb $0, GUEST_EVENTS_PENDING(%rcx)
        jne iret_to_upcall
3:      pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        iretq
// An upcall waits: it interrupts what would have been returned to.
iret_to_upcall:
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        push $0
        push $GUEST_VECTOR_EVENT
        jmp bounce
iret_to_vmm:
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        push $0
        push $GUEST_VECTOR_PV_IRET
        jmp call_vmm
#undef RIP
#undef CS
#undef RFLAGS
#undef RSP
#undef SS

// Masked upcalls stay pending: monitor_iret, or the kernel when it unmasks, sees to them.
        .globl monitor_event
monitor_event:
        push $0
        push $GUEST_VECTOR_EVENT
        push %rdx
        LOAD_STATE %rdx
        mov GUEST_STATE_EVENTS(%rdx), %rdx
        cmpb $0, GUEST_EVENTS_MASK(%rdx)
        pop %rdx
        je bounce
        add $16, %rsp
        iretq

// The VMM cannot execute these for the guest. It makes the monitor's own frame lead here, with RSP at
// guest_monitor_state::resume.
        .globl monitor_flush_page
monitor_flush_page:
        push %rax
        LOAD_STATE %rax
        mov GUEST_STATE_FLUSH(%rax), %rax
        invlpg (%rax)
        pop %rax
        iretq

        .globl monitor_load_cr3
monitor_load_cr3:
        push %rax
        LOAD_STATE %rax
        mov GUEST_STATE_FLUSH(%rax), %rax
        mov %rax, %cr3
        pop %rax
        iretq

        .section .note.GNU-stack, "", @progbits
