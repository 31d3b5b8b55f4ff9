# carry.sh: what comes into a machine that has no folder of the host's: files, and with programs all that they load.
# Sourced by lab/lab.
#
# Everything keeps its own path. The tree begins with links for /bin, /sbin, /lib and /lib64 as they are on the host.

# carry_tree TREE
carry_tree() {
    local name
    for name in bin sbin lib lib64; do
        mkdir -p "$1/usr/$name"
        ln -s "usr/$name" "$1/$name"
    done
}

# carry TREE FILE: a file or folder; of a program also its libraries and loader, of a script its interpreter.
carry() {
    local tree=$1 file=$2 need line
    file=$(realpath --no-symlinks -- "$file")
    if [[ -d $file ]]; then
        mkdir -p "$tree$file"
        cp -rLT -- "$file" "$tree$file"
        return
    fi
    [[ ! -e $tree$file ]] || return 0
    mkdir -p "$tree${file%/*}"
    cp -L -- "$file" "$tree$file"
    case $(head -c 4 -- "$file" | tr -d '\0') in
    $'\x7fELF')
        while read -r need; do
            carry "$tree" "$need"
        done < <(libraries_of "$file")
        ;;
    '#!'*)
        IFS= read -r line <"$file"
        read -r need _ <<<"${line#'#!'}"
        carry_named "$tree" "$need"
        ;;
    esac
}

# What ldd names: "NAME => PATH (address)", or "PATH (address)" for the loader; nothing for a static program.
libraries_of() {
    { ldd "$1" 2>/dev/null || true; } | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }'
}

# carry_named TREE WORD: the program that a command begins with. What busybox has of a name alone or in /bin is busybox's.
carry_named() {
    local tree=$1 word=$2 name=${2##*/} path
    if [[ $word = "$name" || $word = /bin/$name || $word = /usr/bin/$name ]] && busybox --list | grep -qxF -- "$name"; then
        return
    fi
    path=$(PATH=$caller_path type -P -- "$word" || true)
    [[ -z $path ]] || carry "$tree" "$path"
}
