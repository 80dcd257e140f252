// Remote access that somebody set up: honest tools that intruders use to stay.

rule sealbag_remote_access_unattended
{
    meta:
        description = "remote-access tool set up so that nobody at the host has to agree"
        author = "sealbag"
        level = "warning"
        score = 60
        why = "intruders install honest remote-access tools: no virus scanner objects to them"
        not_proof = "not who set it up: ask the administrators which tools they use, and since when"
        reference = "https://attack.mitre.org/techniques/T1219/"
    strings:
        $anydesk = /(^|\n)ad\.anynet\.(pwd_hash|token_salt)\s{0,4}=\s{0,4}[0-9a-f]{8}/
        $anydesk_acl = /(^|\n)ad\.security\.(permission_profiles\._unattended_access\.pwd|interactive_access)\s{0,4}=\s{0,4}[^\s]/
        $rustdesk = /(^|\n)(rendezvous_server|custom-rendezvous-server|relay-server)\s{0,4}=\s{0,4}['"][^'"\n]{4,200}['"]/
        $mesh = /(^|\n)MeshServer=wss?:\/\/[^\s]{4,200}/
        $connect = /ScreenConnect[^\n]{0,200}[?&]e=Access&[^\n]{0,40}\by=Guest&h=[^\s&"]{4,200}/
        $connect_xml = /<setting name="ClientLaunchParametersConstraint"[^\n]{0,200}<value>\?h=[^<]{4,300}/
    condition:
        filesize < 1MB and any of them
}

rule sealbag_tunnel_configured
{
    meta:
        description = "tunnel out of the network (frp, ngrok, Cloudflare, chisel) configured or started"
        author = "sealbag"
        level = "warning"
        score = 60
        why = "it makes an inner host reachable from outside, past the firewall"
        not_proof = "developers use such tunnels too: ask whose it is"
        reference = "https://attack.mitre.org/techniques/T1572/"
    strings:
        $frp_a = /(^|\n)\s{0,4}server_?addr\s{0,4}=\s{0,4}["']?([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|[a-z0-9\-]{1,60}\.[a-z0-9.\-]{2,60})/ nocase
        $frp_b = /(^|\n)\s{0,4}(local_?port|remote_?port)\s{0,4}=\s{0,4}["']?[0-9]{1,5}/ nocase
        $ngrok_a = /(^|\n)\s{0,4}authtoken:\s{0,4}['"]?[0-9A-Za-z_]{30,60}/
        $ngrok_b = /(^|\n)\s{0,4}(tunnels|endpoints|region|version|agent)\s{0,4}:/
        $cloudflare_a = /(^|\n)tunnel:\s{0,4}[0-9a-f]{8}-[0-9a-f]{4}-/
        $cloudflare_b = /(^|\n)credentials-file:\s{0,4}[^\n]{4,200}\.json/
        $chisel = /\bchisel(\.exe)?\s{1,4}client\s{1,4}[^\n]{0,120}[0-9a-z.\-]{4,80}:[0-9]{2,5}\s{1,4}R:[0-9a-z:.]{2,60}/
        $line = /\b(ngrok(\.exe)?\s{1,4}(tcp|http)\s{1,4}[0-9]{2,5}|cloudflared(\.exe)?\s{1,4}tunnel\s{1,4}(run\s{1,4})?--token\s{1,4}[A-Za-z0-9=\-_]{20})/
    condition:
        filesize < 1MB and (
            ($frp_a and $frp_b) or ($ngrok_a and $ngrok_b) or ($cloudflare_a and $cloudflare_b) or $chisel or $line
        )
}
