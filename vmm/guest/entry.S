// Where hardware enters the nano-kernel: boot, IDT gates, SYSCALL; and how it leaves for user mode.
#include "vmm/guest/abi.h"

        .section .image_header, "a"
        .quad GUEST_IMAGE_MAGIC
        .quad isr_stubs
        .quad GUEST_ISR_STUB_BYTES
        .quad direct_stubs
        .quad syscall_entry
        .quad monitor_exit_stubs
        .quad monitor_bounce_stubs
        .quad monitor_syscall_exit
        .quad monitor_syscall_bounce
        .quad monitor_hypercall
        .quad monitor_iret
        .quad monitor_event
        .quad monitor_flush_page
        .quad monitor_load_cr3

        .data
        .balign 8
        .globl leave_isr
leave_isr: .quad leave_by_iret  // how handlers return to what was interrupted; platform.c sets it

        .bss
        .balign 8
syscall_user_rsp: .skip 8

// Pushed in the reverse order of struct guest_trap_frame.
.macro SAVE_REGISTERS
        push %rax
        push %rbx
        push %rcx
        push %rdx
        push %rsi
        push %rdi
        push %rbp
        push %r8
        push %r9
        push %r10
        push %r11
        push %r12
        push %r13
        push %r14
        push %r15
.endm

.macro RESTORE_REGISTERS
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rbp
        pop %rdi
        pop %rsi
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
.endm

        .text
// The VMM starts a vCPU here, as a boot loader would: long mode, paging on, segments and TR loaded, IF = 0, a
// stack; RDI: the vCPU's number. What the platform wants of its IDT or trap table is platform.c's.
        .globl kernel_entry
kernel_entry:
        xor %ebp, %ebp
        call kernel_main
        ud2

// void enter_user(const struct guest_trap_frame*)
        .globl enter_user
enter_user:
        mov %rdi, %rsp
        jmp isr_return

// The interrupted code's registers are in the frame that isr() gets and may change.
isr_common:
        SAVE_REGISTERS
        cld
        mov %rsp, %rdi
        call isr
isr_return:
        RESTORE_REGISTERS
        add $16, %rsp  // vector and error code
        jmp *leave_isr

        .globl leave_by_iret
leave_by_iret:
        iretq

        .globl leave_by_hypercall
leave_by_hypercall:
        int $GUEST_VECTOR_PV_IRET
        ud2

// A paravirtual kernel gets SYSCALL as a frame on its stack, like everything else.
        .globl syscall_callback
syscall_callback:
        push $0
        push $GUEST_VECTOR_SYSCALL
        jmp isr_common

// SYSCALL switches no stack, and leaves RIP in RCX and RFLAGS in R11 (AMD APM vol. 3, SYSCALL): the frame is
// built by hand, as hardware would have pushed it. User code runs on vCPU 0 only.
syscall_entry:
        mov %rsp, syscall_user_rsp
        mov $GUEST_KERNEL_STACK_TOP(0), %rsp
        push $GUEST_USER_SS
        push syscall_user_rsp
        push %r11
        push $GUEST_USER_CS
        push %rcx
        push $0
        push $GUEST_VECTOR_SYSCALL
        SAVE_REGISTERS
        cld
        mov %rsp, %rdi
        call isr
        mov GUEST_FRAME_RIP(%rsp), %rcx
        mov %rcx, GUEST_FRAME_RAX - 16(%rsp)     // popped into RCX
        mov GUEST_FRAME_RFLAGS(%rsp), %r11
        mov %r11, GUEST_FRAME_RAX - 80(%rsp)     // popped into R11
        RESTORE_REGISTERS
        mov GUEST_FRAME_RSP - GUEST_FRAME_VECTOR(%rsp), %rsp
        sysretq

// One stub per vector. Hardware pushes an error code for these (AMD APM vol. 2, table 8-1; 21: Intel SDM vol. 3,
// 6.15; 29 and 30: AMD). vmm/x86/frames.cpp has the same table, and a test compares the two by the stubs' bytes.
        .section .isr_stubs, "ax"
        .globl isr_stubs
isr_stubs:
        .set vector, 0
        .rept 256
        .balign GUEST_ISR_STUB_BYTES
        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
        push $0
        .endif
        .byte 0x68  // push imm32: one length for all vectors
        .long vector
        .byte 0xe9  // jmp rel32
        .long isr_common - . - 4
        .set vector, vector + 1
        .endr
        .balign GUEST_ISR_STUB_BYTES

        .text
        .balign GUEST_ISR_STUB_BYTES
// The same for gates that lead into a kernel at CPL 1. Hardware loads SS with a null selector then (AMD APM vol. 2, 8.9.3),
// with which some processors cannot be entered again after an exit: Bochs forgets the privilege that goes with it.
direct_stubs:
        .set vector, 0
        .rept 256
        .balign GUEST_ISR_STUB_BYTES
        push %rax
        mov $GUEST_DEPRIVILEGED_SS, %eax
        mov %eax, %ss
        pop %rax
        .byte 0xe9  // jmp rel32
        .long isr_stubs + vector * GUEST_ISR_STUB_BYTES - . - 4
        .set vector, vector + 1
        .endr
        .balign GUEST_ISR_STUB_BYTES

        .section .note.GNU-stack, "", @progbits
