//! The names of settings: of domains for xm and for xl, of `xl.conf`, of `xend-config.sxp`.

/// xm knows the setting.
const XM: u8 = 1;
/// xl knows the setting.
const XL: u8 = 2;

/// Settings of a domain, in any version of xm and xl, in order.
#[rustfmt::skip]
static DOMAIN: [(&str, u8); 235] = [
    ("access_control", XM),
    ("acpi", XM | XL),
    ("acpi_firmware", XL),
    ("acpi_laptop_slate", XL),
    ("acpi_s3", XL),
    ("acpi_s4", XL),
    ("altp2m", XL),
    ("altp2m_count", XL),
    ("altp2mhvm", XL),
    ("apic", XM | XL),
    ("arm_sci", XL),
    ("assisted_x2apic", XL),
    ("assisted_xapic", XL),
    ("audio", XM),
    ("bios", XL),
    ("bios_path_override", XL),
    ("blkdev_start", XL),
    ("blkif", XM),
    ("boot", XM | XL),
    ("bootargs", XM | XL),
    ("bootentry", XM),
    ("bootloader", XM | XL),
    ("bootloader_args", XL),
    ("builder", XM | XL),
    ("cap", XL),
    ("cdrom", XM),
    ("channel", XL),
    ("cmdline", XL),
    ("console", XM),
    ("cpu", XM),
    ("cpu_cap", XM),
    ("cpu_weight", XM | XL),
    ("cpuid", XM | XL),
    ("cpuid_check", XM),
    ("cpus", XM | XL),
    ("cpus_soft", XL),
    ("description", XM),
    ("device_config", XM),
    ("device_model", XM | XL),
    ("device_model_args", XL),
    ("device_model_args_hvm", XL),
    ("device_model_args_pv", XL),
    ("device_model_override", XL),
    ("device_model_stubdomain_override", XL),
    ("device_model_stubdomain_seclabel", XL),
    ("device_model_user", XL),
    ("device_model_version", XL),
    ("device_tree", XL),
    ("dhcp", XM),
    ("disk", XM | XL),
    ("display", XM | XL),
    ("dm_restrict", XL),
    ("driver_domain", XL),
    ("dtdev", XL),
    ("e820_host", XL),
    ("enable_dump", XM),
    ("extra", XM | XL),
    ("extratime", XL),
    ("fda", XM),
    ("fdb", XM),
    ("features", XM),
    ("firmware", XL),
    ("firmware_override", XL),
    ("gateway", XM),
    ("gfx_passthru", XM | XL),
    ("gic_version", XL),
    ("guest_os_type", XM),
    ("hap", XM | XL),
    ("hda", XM),
    ("hdb", XM),
    ("hdc", XM),
    ("hdd", XM),
    ("hdtype", XL),
    ("hostname", XM),
    ("hpet", XM | XL),
    ("hvm_pirq", XL),
    ("init_seclabel", XL),
    ("interface", XM),
    ("iomem", XL),
    ("ioports", XM | XL),
    ("ip", XM),
    ("ipaddr", XM),
    ("irq", XM),
    ("irqs", XL),
    ("isa", XM),
    ("kernel", XM | XL),
    ("keymap", XM | XL),
    ("lapic", XM),
    ("latency", XL),
    ("llc_colors", XL),
    ("loader", XM),
    ("localtime", XM | XL),
    ("machine_address_size", XM),
    ("max_event_channels", XL),
    ("max_grant_frames", XL),
    ("max_grant_version", XL),
    ("max_maptrack_frames", XL),
    ("maxmem", XM | XL),
    ("maxvcpus", XM | XL),
    ("mca_caps", XL),
    ("memmap", XM),
    ("memory", XM | XL),
    ("memory_sharing", XM),
    ("mmio_hole", XL),
    ("monitor", XM),
    ("monitor_path", XM),
    ("ms_vm_genid", XL),
    ("msr_relaxed", XL),
    ("name", XM | XL),
    ("ne2000", XM),
    ("nestedhvm", XM | XL),
    ("netif", XM),
    ("netmask", XM),
    ("nfs_root", XM),
    ("nfs_server", XM),
    ("nics", XM),
    ("nodes", XL),
    ("nographic", XM | XL),
    ("nomigrate", XM | XL),
    ("nr_spis", XL),
    ("nx", XL),
    ("on_crash", XM | XL),
    ("on_poweroff", XM | XL),
    ("on_reboot", XM | XL),
    ("on_soft_reset", XL),
    ("on_watchdog", XL),
    ("on_xend_start", XM),
    ("on_xend_stop", XM),
    ("oos", XM | XL),
    ("opengl", XM | XL),
    ("p9", XL),
    ("pae", XM | XL),
    ("parallel", XM),
    ("passthrough", XL),
    ("pci", XM | XL),
    ("pci_msitranslate", XM | XL),
    ("pci_permissive", XL),
    ("pci_power_mgmt", XM | XL),
    ("pci_seize", XL),
    ("period", XL),
    ("pool", XM | XL),
    ("pvcalls", XL),
    ("pvh", XL),
    ("pvshim", XL),
    ("pvshim_cmdline", XL),
    ("pvshim_extra", XL),
    ("pvshim_path", XL),
    ("ramdisk", XM | XL),
    ("rdm", XL),
    ("rdm_mem_boundary", XL),
    ("restart", XM),
    ("root", XM | XL),
    ("rtc_timeoffset", XM | XL),
    ("s3_integrity", XM),
    ("sched", XL),
    ("sdl", XM | XL),
    ("seclabel", XL),
    ("serial", XM | XL),
    ("shadow_memory", XM | XL),
    ("slice", XL),
    ("smbios", XL),
    ("smbios_firmware", XL),
    ("soundhw", XM | XL),
    ("spice", XL),
    ("spice_clipboard_sharing", XL),
    ("spice_image_compression", XL),
    ("spice_streaming_video", XL),
    ("spiceagent_mouse", XL),
    ("spicedisable_ticketing", XL),
    ("spicehost", XL),
    ("spicepasswd", XL),
    ("spiceport", XL),
    ("spicetls_port", XL),
    ("spiceusbredirection", XL),
    ("spicevdagent", XL),
    ("ssidref", XM),
    ("stdvga", XM | XL),
    ("stubdomain_cmdline", XL),
    ("stubdomain_kernel", XL),
    ("stubdomain_memory", XL),
    ("stubdomain_ramdisk", XL),
    ("superpages", XM),
    ("suppress_spurious_page_faults", XM),
    ("sve", XL),
    ("target", XM),
    ("tee", XL),
    ("timer_mode", XM | XL),
    ("tpmif", XM),
    ("trap_unmapped_accesses", XL),
    ("tsc_mode", XM | XL),
    ("tsc_native", XM),
    ("type", XL),
    ("usb", XM | XL),
    ("usbctrl", XL),
    ("usbdev", XL),
    ("usbdevice", XM | XL),
    ("usbport", XM),
    ("usbversion", XL),
    ("uuid", XM | XL),
    ("vcpu_avail", XM),
    ("vcpus", XM | XL),
    ("vdispl", XL),
    ("vendor_device", XL),
    ("vfb", XM | XL),
    ("vga", XL),
    ("vhpt", XM),
    ("videoram", XM | XL),
    ("vif", XM | XL),
    ("vif2", XM | XL),
    ("viridian", XM | XL),
    ("virtio", XL),
    ("vkb", XL),
    ("vkb_device", XL),
    ("vmtrace_buf_kb", XL),
    ("vnc", XM | XL),
    ("vncconsole", XM),
    ("vncdisplay", XM | XL),
    ("vnclisten", XM | XL),
    ("vncpasswd", XM | XL),
    ("vncunused", XM | XL),
    ("vncviewer", XM | XL),
    ("vnuma", XL),
    ("vpmu", XL),
    ("vpt_align", XM | XL),
    ("vscsi", XM),
    ("vsnd", XL),
    ("vtpm", XM | XL),
    ("vuart", XL),
    ("vusb", XM),
    ("xauthority", XM | XL),
    ("xen_platform_pci", XM | XL),
    ("xen_platform_pci_bar_uc", XL),
    ("xend_suspend_evtchn_compat", XL),
    ("xenstore_feature_mask", XL),
    ("xenstore_quota", XL),
];

/// Settings of `xl.conf`, in order.
#[rustfmt::skip]
static XL_CONF: [&str; 23] = [
    "autoballoon", "blkdev_start", "bootloader_restrict", "bootloader_user", "claim_mode",
    "colo.default.proxyscript", "defaultbridge", "domid_policy", "lockfile", "max_grant_frames",
    "max_grant_version", "max_maptrack_frames", "output_format", "remus.default.netbufscript",
    "run_hotplug_scripts", "vif.default.backend", "vif.default.bridge", "vif.default.gatewaydev",
    "vif.default.script", "vifscript", "vm.cpumask", "vm.hvm.cpumask", "vm.pv.cpumask",
];

/// Options of `xend-config.sxp`, in any of its versions, in order.
#[rustfmt::skip]
static XEND: [&str; 70] = [
    "block-enbd", "block-file", "block-nbd", "console-address", "console-limit", "console-port-base",
    "dbroot", "device-create-timeout", "device-destroy-timeout", "dom0-cpus", "dom0-min-mem",
    "enable-dom0-ballooning", "enable-dump", "external-migration-tool", "keymap", "logfile", "loglevel",
    "network-script", "pci-passthrough-strict-check", "pscsi-device-mask", "qemu-dm-logrotate-count",
    "resource-label-change-script", "total_available_memory", "vif-antispoof", "vif-bridge", "vif-script",
    "vnc-listen", "vnc-tls", "vnc-x509-cert-dir", "vnc-x509-verify", "vncpasswd", "xen-api-server",
    "xen-api-server-ssl-cert-file", "xen-api-server-ssl-key-file", "xen-tcp-xmlrpc-server",
    "xen-tcp-xmlrpc-server-address", "xen-tcp-xmlrpc-server-port", "xend-address", "xend-debug",
    "xend-domains-lock-path", "xend-domains-path", "xend-domid-limit", "xend-event-port",
    "xend-http-server", "xend-memory-pool", "xend-monitor-path", "xend-port", "xend-relocation-address",
    "xend-relocation-hosts-allow", "xend-relocation-port", "xend-relocation-server",
    "xend-relocation-server-ssl-cert-file", "xend-relocation-server-ssl-key-file", "xend-relocation-ssl",
    "xend-relocation-ssl-port", "xend-relocation-ssl-server", "xend-relocation-tls", "xend-storage-path",
    "xend-tcp-xmlrpc-server", "xend-tcp-xmlrpc-server-address", "xend-tcp-xmlrpc-server-port",
    "xend-tcp-xmlrpc-server-ssl-cert-file", "xend-tcp-xmlrpc-server-ssl-key-file", "xend-udev-event-server",
    "xend-unix-path", "xend-unix-server", "xend-unix-xmlrpc-server", "xend-unix-xmlrpc-server-path",
    "xend-vnc-listen", "xsm_module_name",
];

/// Which of the two knows a setting of a domain.
fn flags(name: &str) -> u8 {
    DOMAIN
        .binary_search_by_key(&name, |(name, _)| name)
        .ok()
        .and_then(|index| DOMAIN.get(index))
        .map_or(0, |row| row.1)
}

/// True when the name means something to xm.
#[must_use]
pub fn is_xm_setting(name: &str) -> bool {
    flags(name) & XM != 0
}

/// True when the name means something to xl.
#[must_use]
pub fn is_xl_setting(name: &str) -> bool {
    flags(name) & XL != 0
}

/// Whether xm and xl know the name, in this order.
pub(crate) fn known_to(name: &str) -> (bool, bool) {
    let flags = flags(name);
    (flags & XM != 0, flags & XL != 0)
}

/// True when the name means something in `xl.conf`.
#[must_use]
pub fn is_xl_conf_setting(name: &str) -> bool {
    XL_CONF.binary_search(&name).is_ok()
}

/// True when the name is an option of `xend-config.sxp`.
#[must_use]
pub fn is_xend_option(name: &str) -> bool {
    XEND.binary_search(&name).is_ok()
}

/// All settings that xm knows.
pub(crate) fn xm_settings() -> impl Iterator<Item = &'static str> {
    DOMAIN.iter().filter(|(_, flags)| flags & XM != 0).map(|(name, _)| *name)
}

/// All settings that xl knows.
pub(crate) fn xl_settings() -> impl Iterator<Item = &'static str> {
    DOMAIN.iter().filter(|(_, flags)| flags & XL != 0).map(|(name, _)| *name)
}

/// All settings of `xl.conf`.
pub(crate) fn xl_conf_settings() -> impl Iterator<Item = &'static str> {
    XL_CONF.into_iter()
}

/// All options of `xend-config.sxp`.
pub(crate) fn xend_options() -> impl Iterator<Item = &'static str> {
    XEND.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order_for_searching() {
        assert!(DOMAIN.is_sorted_by(|a, b| a.0 < b.0));
        assert!(XL_CONF.is_sorted() && XEND.is_sorted());
    }

    #[test]
    fn each_program_knows_its_own() {
        assert_eq!(known_to("vif"), (true, true));
        assert_eq!(known_to("dhcp"), (true, false));
        assert_eq!(known_to("driver_domain"), (false, true));
        assert_eq!(known_to("colour"), (false, false));
        assert!(is_xl_conf_setting("vif.default.bridge") && is_xend_option("network-script"));
    }
}
