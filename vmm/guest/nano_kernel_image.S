        .section .rodata
        .balign 16
        .globl trapline_nano_kernel_begin
        .globl trapline_nano_kernel_end
trapline_nano_kernel_begin:
        .incbin NANO_KERNEL_FILE
trapline_nano_kernel_end:

        .section .note.GNU-stack, "", @progbits
