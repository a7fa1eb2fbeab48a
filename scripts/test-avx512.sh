#!/usr/bin/env bash
# Runs the kernels' conformance tests with AVX-512 VNNI and with AVX-VNNI on a machine that need have
# neither: Bochs emulates a processor that has them (Tiger Lake, Arrow Lake) and boots Linux on it, with
# the tests as its only program. Takes some two minutes of one core for each.
#
# Bochs, Linux and what makes the disc are Debian 13's packages, unpacked under target/avx512 and not
# installed: the Bochs of Debian 12 (2.7) computes GFNI wrongly.
#
# Exits 75 with one line that says what is missing, so that a caller can count the suite as skipped;
# arguments go to the test program.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly target=x86_64-unknown-linux-gnu
readonly target_dir="$PWD/target/avx512"
readonly debian="$target_dir/debian-13"
readonly libraries="$debian/usr/lib/x86_64-linux-gnu"
readonly packages=(bochs bochs-term bochsbios busybox-static isolinux syslinux-common xorriso
  linux-image-cloud-amd64)
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Of its own time, however busy the machine is. A run takes some 100 s.
readonly max_emulator_seconds=600

skip() {
  echo "test-avx512: skipped: $1"
  exit 75
}

[[ "$(uname -sm)" == "Linux x86_64" ]] || skip "$(uname -sm) cannot run Debian's amd64 packages"
tmp=$(mktemp -d)
emulator=
clean_up() {
  if [[ -n "$emulator" ]]; then kill -KILL "$emulator" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap clean_up EXIT

# Unpacks the packages and all that they depend on into $debian.
unpack_packages() {
  command -v apt-get >/dev/null || skip "no apt-get, which downloads Bochs and Linux"
  [[ -r "$keyring" ]] || skip "no $keyring (Debian: debian-archive-keyring)"
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' | head -n 1)
  [[ -n "$mirror" ]] || skip "apt knows no mirror of Debian (apt-get update)"

  # An apt that knows nothing of the packages of this machine.
  local apt="$tmp/apt"
  mkdir -p "$apt"/etc/apt/{apt.conf,preferences,sources.list}.d "$apt"/var/lib/apt/lists/partial \
    "$apt"/var/cache/apt/archives/partial "$tmp/debian"
  touch "$apt/status"
  echo "deb [arch=amd64 signed-by=$keyring] $mirror trixie main" >"$apt/etc/apt/sources.list"
  apt_get() {
    apt-get -qq -o Dir="$apt" -o Dir::State::status="$apt/status" -o APT::Sandbox::User="$(id -un)" \
      -o APT::Architecture=amd64 -o APT::Install-Recommends=false "$@"
  }
  {
    apt_get -o APT::Update::Error-Mode=any update &&
      apt_get --yes --download-only install "${packages[@]}"
  } >"$tmp/log" 2>&1 ||
    skip "cannot download Bochs and Linux: $(tail -n 1 "$tmp/log")"
  local package
  for package in "$apt"/var/cache/apt/archives/*.deb; do
    dpkg-deb --extract "$package" "$tmp/debian"
  done
  mkdir -p "$target_dir"
  mv "$tmp/debian" "$debian"
}

# Runs a program of $debian with the libraries there.
run_of_debian() {
  "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$debian/usr/bin/$1" "${@:2}"
}

# Prints the path of the test program. Linked statically, so that it needs no system around it.
build_tests() {
  CARGO_TARGET_DIR="$target_dir" \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
    cargo test --release --locked --package dllama-kernels --test conformance --target "$target" \
    --no-run --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

# Makes $tmp/disc.iso, which runs the test program with REQUIRE_ISA="$2" and the arguments after that.
make_disc() {
  rm -rf "$tmp/root" "$tmp/disc"
  mkdir -p "$tmp/root" "$tmp/disc"
  cp "$debian/usr/bin/busybox" "$1" "$tmp/root"
  cat >"$tmp/root/init" <<INIT
#!/busybox sh
REQUIRE_ISA=$2 /$(basename "$1") --test-threads=1 ${*:3} 2>&1
echo "exit code: \$?"
/busybox stty sane # waits until the serial line has sent everything
/busybox poweroff -f
INIT
  chmod +x "$tmp/root/init"
  (cd "$tmp/root" && find . | ./busybox cpio -o -H newc >"$tmp/disc/initrd" 2>/dev/null)
  cp "$debian"/boot/vmlinuz-* "$tmp/disc/linux"
  cp "$debian/usr/lib/ISOLINUX/isolinux.bin" "$debian/usr/lib/syslinux/modules/bios/ldlinux.c32" "$tmp/disc"
  cat >"$tmp/disc/isolinux.cfg" <<'CONFIG'
default linux
label linux
  kernel /linux
  initrd /initrd
  append console=ttyS0,115200 loglevel=1
CONFIG
  run_of_debian xorriso -as mkisofs -quiet -no-emul-boot -boot-load-size 4 -boot-info-table \
    -b isolinux.bin -c boot.cat -o "$tmp/disc.iso" "$tmp/disc" 2>/dev/null
}

# Boots the disc on the processor $1; what it prints is in $tmp/serial then.
boot() {
  cat >"$tmp/bochsrc" <<CONFIG
cpu: model=$1, ips=50000000
memory: guest=512, host=512
romimage: file=$debian/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$debian/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$tmp/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$tmp/serial
display_library: term
log: $tmp/log
panic: action=fatal
error: action=ignore
info: action=ignore
CONFIG
  # Debian's Bochs starts in its debugger: continue, and quit once that has ended.
  printf '%s\n' continue quit >"$tmp/debugger"
  : >"$tmp/serial"
  (
    ulimit -t "$max_emulator_seconds"
    export LTDL_LIBRARY_PATH="$libraries/bochs/plugins" BXSHARE="$debian/usr/share/bochs" TERM=vt100
    exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$debian/usr/bin/bochs-bin" \
      -q -f "$tmp/bochsrc" -rc "$tmp/debugger"
  ) </dev/null >"$tmp/screen" 2>&1 &
  emulator=$!
  wait "$emulator" || true # 1 after a power-off, too
  emulator=
}

# Runs the tests on the processor $1 with REQUIRE_ISA="$2".
run() {
  make_disc "$tests" "${@:2}"
  boot "$1"
  tr -d '\r' <"$tmp/serial"
  local code
  code=$(tr -d '\r' <"$tmp/serial" | sed -n 's/^exit code: //p')
  if [[ -z "$code" ]]; then
    echo "test-avx512: the tests did not end on $1. Bochs says:"
    tail -n 20 "$tmp/log" "$tmp/screen"
    code=1
  fi
  if [[ "$code" -ne 0 ]]; then status="$code"; fi
}

[[ -d "$debian" ]] || unpack_packages
tests=$(build_tests)
status=0
run tigerlake avx512vnni "$@"
run arrow_lake avxvnni "$@"
exit "$status"
