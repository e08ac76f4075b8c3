using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace BlockUring.Native.Channels;

/// <summary>Credentials, ready for any number of connections.</summary>
/// <remarks>
/// Why OpenSSL and not SslStream: that one knows no shared keys, which QEMU and libnbd use, and continues on threads of its own. Why not GnuTLS, which these
/// use: .NET's cryptography loads OpenSSL anyway. Connections keep the context alive; the library's part of it is freed by the finalizer.
/// </remarks>
public sealed unsafe class TlsContext
{
    // Of TLS 1.3 those with SHA-256, the hash that goes with a key that says nothing of one (RFC 8446, 4.2.11).
    private static readonly byte[] SharedKeySuites = OpenSsl.ZeroEnded("TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");
    private static readonly byte[] SharedKeyCiphers = OpenSsl.ZeroEnded("kECDHEPSK:kDHEPSK:kPSK:!eNULL:!3DES:@STRENGTH");
    private static readonly byte[] AnonymousCiphers = OpenSsl.ZeroEnded("AECDH:ADH:!eNULL:!3DES:@STRENGTH:@SECLEVEL=0");

    private readonly GCHandle self;
    private readonly Dictionary<string, byte[]> sharedKeys;
    private string? user;

    /// <summary>Reads what settings hold. Blocks for as long as keys are parsed, milliseconds at most.</summary>
    /// <exception cref="TlsException">Something is no certificate or no key, they do not match, or this host has no OpenSSL 3.</exception>
    public TlsContext(TlsSettings settings)
    {
        OpenSsl.Demand();
        IsServer = settings.IsServer;
        VerifiesPeer = settings.Kind == TlsKind.Certificates && settings.VerifiesPeer;
        Kind = settings.Kind;
        sharedKeys = new(settings.SharedKeys, StringComparer.Ordinal);
        OpenSsl.ErrClear();
        Handle = OpenSsl.ContextNew(IsServer ? OpenSsl.ServerMethod() : OpenSsl.ClientMethod());
        if (Handle == 0)
            throw new TlsException($"TLS cannot be set up: {OpenSsl.LastError()}");
        self = GCHandle.Alloc(this, GCHandleType.Weak);
        Demand(OpenSsl.ContextSetData(Handle, 0, GCHandle.ToIntPtr(self)));
        SetCommon();
        switch (settings.Kind)
        {
            case TlsKind.Certificates:
                SetCertificates(settings);
                break;
            case TlsKind.SharedKeys:
                SetSharedKeys();
                break;
            default:
                // They are known to TLS 1.2 only, and no level of security but the lowest has them.
                _ = OpenSsl.ContextControl(Handle, OpenSsl.SslCtrlSetMaxVersion, OpenSsl.Tls12Version, 0);
                SetCiphers(AnonymousCiphers);
                break;
        }
    }

    /// <summary>Frees what the library holds of it.</summary>
    ~TlsContext()
    {
        if (Handle != 0)
            OpenSsl.ContextFree(Handle);
        if (self.IsAllocated)
            self.Free();
    }

    /// <summary>Why this host has no TLS; null where it has.</summary>
    public static string? WhyNot => OpenSsl.WhyNot;

    /// <summary>Whether peers connect to this side.</summary>
    public bool IsServer { get; }

    /// <summary>What both sides are known by.</summary>
    public TlsKind Kind { get; }

    internal bool VerifiesPeer { get; }

    internal nint Handle { get; }

    /// <summary>A new connection's state, with its two buffers.</summary>
    /// <param name="hostName">Whom the peer's certificate must be made out to; null for anybody.</param>
    /// <param name="input">What has come from the peer.</param>
    /// <param name="output">What goes to the peer.</param>
    internal nint Connect(string? hostName, out nint input, out nint output)
    {
        var ssl = OpenSsl.SslNew(Handle);
        input = OpenSsl.BioNew(OpenSsl.BioMemoryMethod());
        output = OpenSsl.BioNew(OpenSsl.BioMemoryMethod());
        if (ssl == 0 || input == 0 || output == 0)
            throw new InsufficientMemoryException("OpenSSL: out of memory");
        OpenSsl.SslSetBio(ssl, input, output);
        if (IsServer)
            OpenSsl.SslSetAccept(ssl);
        else
            OpenSsl.SslSetConnect(ssl);
        if (hostName != null && !IsServer && Kind == TlsKind.Certificates)
            SetHostName(ssl, hostName);
        return ssl;
    }

    /// <summary>The user whose key the step of a handshake took that has just been made; null for none.</summary>
    /// <remarks>Why so: the library tells it for TLS 1.2 only.</remarks>
    internal string? TakeUser()
    {
        var taken = user;
        user = null;
        return taken;
    }

    private void SetHostName(nint ssl, string hostName)
    {
        var isAddress = IPAddress.TryParse(hostName, out _);
        fixed (byte* name = OpenSsl.ZeroEnded(hostName))
        {
            // A server is not told addresses (RFC 6066, 3).
            if (!isAddress)
                _ = OpenSsl.SslControl(ssl, OpenSsl.SslCtrlSetTlsExtHostName, 0, name);
            if (!VerifiesPeer)
                return;
            var isSet = isAddress
                ? OpenSsl.ParamSetAddress(OpenSsl.SslParam(ssl), name)
                : OpenSsl.ParamSetHost(OpenSsl.SslParam(ssl), name, 0);
            if (isSet == 1)
                return;
            OpenSsl.SslFree(ssl);
            throw new TlsException($"'{hostName}' is no name of a host");
        }
    }

    // Why no tickets: NBD connections are long and few, and what is not resumed needs no state.
    private void SetCommon()
    {
        _ = OpenSsl.ContextControl(Handle, OpenSsl.SslCtrlSetMinVersion, OpenSsl.Tls12Version, 0);
        _ = OpenSsl.ContextSetOptions(Handle, OpenSsl.SslOpNoTicket | OpenSsl.SslOpNoCompression | OpenSsl.SslOpNoRenegotiation);
        _ = OpenSsl.ContextControl(Handle, OpenSsl.SslCtrlSetSessionCacheMode, 0, 0);
        _ = OpenSsl.ContextSetTicketCount(Handle, 0);
        _ = OpenSsl.ContextControl(Handle, OpenSsl.SslCtrlSetDhAuto, 1, 0);
        OpenSsl.ContextSetVerify(Handle, OpenSsl.SslVerifyNone, 0);
    }

    private void SetCertificates(TlsSettings settings)
    {
        if (settings.Authorities != null)
            AddAuthorities(settings.Authorities);
        if (settings.Revocations != null)
            AddRevocations(settings.Revocations);
        if (settings.Certificate != null && settings.Key != null)
            UseCertificate(settings.Certificate, settings.Key, settings.Password);
        if (VerifiesPeer)
            OpenSsl.ContextSetVerify(Handle, OpenSsl.SslVerifyPeer | OpenSsl.SslVerifyFailIfNoPeerCert, 0);
    }

    private void AddAuthorities(byte[] pem)
    {
        var store = OpenSsl.ContextStore(Handle);

        // Who is named as an authority is one, even if somebody else has signed it.
        _ = OpenSsl.StoreSetFlags(store, OpenSsl.X509FlagPartialChain);
        var count = ForEach(pem, OpenSsl.PemReadCertificate, OpenSsl.X509Free, certificate =>
        {
            Demand(OpenSsl.StoreAddCertificate(store, certificate));
            if (IsServer)
                Demand(OpenSsl.ContextAddClientAuthority(Handle, certificate));
        });
        if (count == 0)
            throw new TlsException("There is no certificate of an authority");
    }

    private void AddRevocations(byte[] pem)
    {
        var store = OpenSsl.ContextStore(Handle);
        if (ForEach(pem, OpenSsl.PemReadCrl, OpenSsl.CrlFree, list => Demand(OpenSsl.StoreAddCrl(store, list))) > 0)
            _ = OpenSsl.StoreSetFlags(store, OpenSsl.X509FlagCrlCheck);
    }

    private void UseCertificate(byte[] certificates, byte[] key, string? password)
    {
        var isFirst = true;
        var count = ForEach(certificates, OpenSsl.PemReadCertificate, OpenSsl.X509Free, certificate =>
        {
            // The chain takes a reference of its own (the 1).
            Demand(isFirst ? OpenSsl.ContextUseCertificate(Handle, certificate)
                : (int)OpenSsl.ContextControl(Handle, OpenSsl.SslCtrlSetChainCertificate, 1, certificate));
            isFirst = false;
        });
        if (count == 0)
            throw new TlsException("No certificate was found.");
        fixed (byte* data = key, secret = OpenSsl.ZeroEnded(password ?? ""))
        {
            var bio = OpenSsl.BioNewBuffer(data, key.Length);

            // Why never without a password: the library would ask for one at the terminal.
            var read = OpenSsl.PemReadKey(bio, 0, 0, secret);
            _ = OpenSsl.BioFree(bio);
            if (read == 0)
                throw new TlsException(IsEncrypted(key) ? "Decryption has failed." : "No key was found.");
            var used = OpenSsl.ContextUseKey(Handle, read);
            OpenSsl.KeyFree(read);
            if (used != 1 || OpenSsl.ContextCheckKey(Handle) != 1)
                throw new TlsException("The certificate and the given key do not match.");
        }
    }

    private static bool IsEncrypted(byte[] pem) => pem.AsSpan().IndexOf("ENCRYPTED"u8) >= 0;

    private static int ForEach(
        byte[] pem, delegate* unmanaged<nint, nint, nint, byte*, nint> read, delegate* unmanaged<nint, void> free, Action<nint> use)
    {
        var count = 0;
        fixed (byte* data = pem, none = "\0"u8)
        {
            if (pem.Length == 0)
                return 0;
            var bio = OpenSsl.BioNewBuffer(data, pem.Length);
            try
            {
                for (nint item; (item = read(bio, 0, 0, none)) != 0; count++)
                {
                    try
                    {
                        use(item);
                    }
                    finally
                    {
                        free(item);
                    }
                }
            }
            finally
            {
                _ = OpenSsl.BioFree(bio);
                OpenSsl.ErrClear();
            }
        }

        return count;
    }

    private void SetSharedKeys()
    {
        SetCiphers(SharedKeyCiphers);
        fixed (byte* suites = SharedKeySuites)
            Demand(OpenSsl.ContextSetCipherSuites(Handle, suites));
        if (IsServer)
            OpenSsl.ContextSetPskServer(Handle, &FindKey);
        else
            OpenSsl.ContextSetPskClient(Handle, &GiveKey);
    }

    private void SetCiphers(byte[] names)
    {
        fixed (byte* list = names)
            Demand(OpenSsl.ContextSetCipherList(Handle, list));
    }

    private static void Demand(int result)
    {
        if (result != 1)
            throw new TlsException($"TLS cannot be set up: {OpenSsl.LastError()}");
    }

    private static TlsContext Of(nint ssl) =>
        (TlsContext)GCHandle.FromIntPtr(OpenSsl.ContextGetData(OpenSsl.SslContext(ssl), 0)).Target!;

    /// <summary>A server's answer to the name of a user: the length of its key in bytes, 0 for an unknown user.</summary>
    [UnmanagedCallersOnly]
    private static uint FindKey(nint ssl, byte* identity, byte* key, uint capacity)
    {
        var name = Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(identity));
        if (!Of(ssl).sharedKeys.TryGetValue(name, out var found) || found.Length > capacity)
            return 0;
        found.CopyTo(new Span<byte>(key, (int)capacity));
        Of(ssl).user = name;
        return (uint)found.Length;
    }

    /// <summary>A client's name and key.</summary>
    [UnmanagedCallersOnly]
    private static uint GiveKey(nint ssl, byte* hint, byte* identity, uint identityCapacity, byte* key, uint capacity)
    {
        foreach (var (name, value) in Of(ssl).sharedKeys)
        {
            var bytes = OpenSsl.ZeroEnded(name);
            if (bytes.Length > identityCapacity || value.Length > capacity)
                return 0;
            bytes.CopyTo(new Span<byte>(identity, (int)identityCapacity));
            value.CopyTo(new Span<byte>(key, (int)capacity));
            Of(ssl).user = name;
            return (uint)value.Length;
        }

        return 0;
    }
}
