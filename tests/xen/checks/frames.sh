# Frames in hexadecimal digits, for send_frame in a guest.

mac() { echo "${1//:/}"; }
ip4() { printf '%02x' ${1//./ }; }
# ip6 NUMBER: 2001:db8::NUMBER
ip6() { printf '20010db8%024x' "0x$1"; }
# ipv4 FROM TO PROTOCOL PAYLOAD: a packet, with its header's checksum
ipv4() {
  local header sum=0 i
  header=$(printf '4500%04x0000400040%s0000%s%s' $((20 + ${#4} / 2)) "$3" "$(ip4 "$1")" "$(ip4 "$2")")
  for ((i = 0; i < 40; i += 4)); do sum=$((sum + 0x${header:i:4})); done
  sum=$((0xffff - (sum % 0xffff)))
  printf '%s%04x%s%s' "${header:0:20}" $sum "${header:24}" "$4"
}
# udp FROM TO: ports, and eight bytes
udp() { printf '%04x%04x00100000%s' "$1" "$2" 5350554f46454421; }
# arp OPERATION MAC IP MAC IP: sender, target
arp() { printf '0001080006040%03x%s%s%s%s' "$1" "$(mac "$2")" "$(ip4 "$3")" "$(mac "$4")" "$(ip4 "$5")"; }
# icmpv6 FROM TO HOPLIMIT MESSAGE: addresses as 32 digits; the message with a checksum of 0
icmpv6() {
  local length=$((${#4} / 2)) pseudo sum=0 i
  pseudo=$1$2$(printf '%08x' $length)0000003a$4
  for ((i = 0; i < ${#pseudo}; i += 4)); do sum=$((sum + 0x${pseudo:i:4})); done
  sum=$((0xffff - (sum % 0xffff)))
  printf '60000000%04x3a%02x%s%s%s%04x%s' $length "$3" "$1" "$2" "${4:0:4}" $sum "${4:8}"
}
# frame DESTINATION SOURCE TYPE PAYLOAD
frame() { echo "$(mac "$1")$(mac "$2")$3$4"; }
