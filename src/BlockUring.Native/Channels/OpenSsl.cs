using System.Runtime.InteropServices;
using System.Text;

namespace BlockUring.Native.Channels;

/// <summary>The host's OpenSSL 3, loaded at first use. The functions are those of ssl.h, x509.h, pem.h, bio.h and err.h, all stable since 3.0.</summary>
/// <remarks>Why not by DllImport: a host without the library runs everything that needs no TLS, and says so where TLS is asked for.</remarks>
internal static unsafe class OpenSsl
{
    // Values of the headers' macros, by their names there.
    public const int SslErrorWantRead = 2;
    public const int SslErrorZeroReturn = 6;
    public const int SslVerifyNone = 0;
    public const int SslVerifyPeer = 1;
    public const int SslVerifyFailIfNoPeerCert = 2;
    public const int SslCtrlSetTlsExtHostName = 55;
    public const int SslCtrlSetSessionCacheMode = 44;
    public const int SslCtrlSetChainCertificate = 89;
    public const int SslCtrlSetDhAuto = 118;
    public const int SslCtrlSetMinVersion = 123;
    public const int SslCtrlSetMaxVersion = 124;
    public const int Tls12Version = 0x0303;
    public const ulong SslOpNoTicket = 1UL << 14;
    public const ulong SslOpNoCompression = 1UL << 17;
    public const ulong SslOpNoRenegotiation = 1UL << 30;
    public const uint X509FlagCrlCheck = 0x4;
    public const uint X509FlagPartialChain = 0x80000;

    public static readonly delegate* unmanaged<void> ErrClear;
    public static readonly delegate* unmanaged<ulong> ErrPeekLast;
    public static readonly delegate* unmanaged<ulong, byte*> ErrReason;
    public static readonly delegate* unmanaged<nint> BioMemoryMethod;
    public static readonly delegate* unmanaged<nint, nint> BioNew;
    public static readonly delegate* unmanaged<byte*, int, nint> BioNewBuffer;
    public static readonly delegate* unmanaged<nint, int> BioFree;
    public static readonly delegate* unmanaged<nint, byte*, int, int> BioRead;
    public static readonly delegate* unmanaged<nint, byte*, int, int> BioWrite;
    public static readonly delegate* unmanaged<nint, nuint> BioPending;
    public static readonly delegate* unmanaged<nint, void> X509Free;
    public static readonly delegate* unmanaged<nint, nint> X509SubjectName;
    public static readonly delegate* unmanaged<nint, nint, int, ulong, int> X509NamePrint;
    public static readonly delegate* unmanaged<nint, void> CrlFree;
    public static readonly delegate* unmanaged<nint, void> KeyFree;
    public static readonly delegate* unmanaged<nint, nint, nint, byte*, nint> PemReadCertificate;
    public static readonly delegate* unmanaged<nint, nint, nint, byte*, nint> PemReadCrl;
    public static readonly delegate* unmanaged<nint, nint, nint, byte*, nint> PemReadKey;
    public static readonly delegate* unmanaged<nint, nint, int> StoreAddCertificate;
    public static readonly delegate* unmanaged<nint, nint, int> StoreAddCrl;
    public static readonly delegate* unmanaged<nint, uint, int> StoreSetFlags;
    public static readonly delegate* unmanaged<nint, byte*, nuint, int> ParamSetHost;
    public static readonly delegate* unmanaged<nint, byte*, int> ParamSetAddress;
    public static readonly delegate* unmanaged<nint> ServerMethod;
    public static readonly delegate* unmanaged<nint> ClientMethod;
    public static readonly delegate* unmanaged<nint, nint> ContextNew;
    public static readonly delegate* unmanaged<nint, void> ContextFree;
    public static readonly delegate* unmanaged<nint, int, nint, nint, nint> ContextControl;
    public static readonly delegate* unmanaged<nint, ulong, ulong> ContextSetOptions;
    public static readonly delegate* unmanaged<nint, int, nint, void> ContextSetVerify;
    public static readonly delegate* unmanaged<nint, byte*, int> ContextSetCipherList;
    public static readonly delegate* unmanaged<nint, byte*, int> ContextSetCipherSuites;
    public static readonly delegate* unmanaged<nint, nint, int> ContextUseCertificate;
    public static readonly delegate* unmanaged<nint, nint, int> ContextUseKey;
    public static readonly delegate* unmanaged<nint, int> ContextCheckKey;
    public static readonly delegate* unmanaged<nint, nint> ContextStore;
    public static readonly delegate* unmanaged<nint, nint, int> ContextAddClientAuthority;
    public static readonly delegate* unmanaged<nint, delegate* unmanaged<nint, byte*, byte*, uint, uint>, void> ContextSetPskServer;
    public static readonly delegate* unmanaged<nint, delegate* unmanaged<nint, byte*, byte*, uint, byte*, uint, uint>, void> ContextSetPskClient;
    public static readonly delegate* unmanaged<nint, int, nint, int> ContextSetData;
    public static readonly delegate* unmanaged<nint, int, nint> ContextGetData;
    public static readonly delegate* unmanaged<nint, nuint, int> ContextSetTicketCount;
    public static readonly delegate* unmanaged<nint, nint> SslNew;
    public static readonly delegate* unmanaged<nint, void> SslFree;
    public static readonly delegate* unmanaged<nint, nint> SslContext;
    public static readonly delegate* unmanaged<nint, nint, nint, void> SslSetBio;
    public static readonly delegate* unmanaged<nint, void> SslSetAccept;
    public static readonly delegate* unmanaged<nint, void> SslSetConnect;
    public static readonly delegate* unmanaged<nint, int> SslHandshake;
    public static readonly delegate* unmanaged<nint, byte*, int, int> SslRead;
    public static readonly delegate* unmanaged<nint, byte*, int, int> SslWrite;
    public static readonly delegate* unmanaged<nint, int> SslShutdown;
    public static readonly delegate* unmanaged<nint, int, int> SslError;
    public static readonly delegate* unmanaged<nint, int, nint, byte*, nint> SslControl;
    public static readonly delegate* unmanaged<nint, nint> SslParam;
    public static readonly delegate* unmanaged<nint, nint> SslVerifyResult;
    public static readonly delegate* unmanaged<nint, nint> SslPeerCertificate;
    public static readonly delegate* unmanaged<nint, byte*> SslVersion;
    public static readonly delegate* unmanaged<nint, int, int> SslKeyUpdate;

    private const string SharedObject = "libssl.so.3";

    static OpenSsl()
    {
        if (!NativeLibrary.TryLoad(SharedObject, out nint library))
        {
            WhyNot = $"TLS needs OpenSSL 3, and this host has no {SharedObject}";
            return;
        }

        // The functions of libcrypto are found, too: it is what libssl is linked with.
        var missing = (string?)null;
        nint Find(string name)
        {
            if (NativeLibrary.TryGetExport(library, name, out nint address))
                return address;
            missing ??= name;
            return 0;
        }

        ErrClear = (delegate* unmanaged<void>)Find("ERR_clear_error");
        ErrPeekLast = (delegate* unmanaged<ulong>)Find("ERR_peek_last_error");
        ErrReason = (delegate* unmanaged<ulong, byte*>)Find("ERR_reason_error_string");
        BioMemoryMethod = (delegate* unmanaged<nint>)Find("BIO_s_mem");
        BioNew = (delegate* unmanaged<nint, nint>)Find("BIO_new");
        BioNewBuffer = (delegate* unmanaged<byte*, int, nint>)Find("BIO_new_mem_buf");
        BioFree = (delegate* unmanaged<nint, int>)Find("BIO_free");
        BioRead = (delegate* unmanaged<nint, byte*, int, int>)Find("BIO_read");
        BioWrite = (delegate* unmanaged<nint, byte*, int, int>)Find("BIO_write");
        BioPending = (delegate* unmanaged<nint, nuint>)Find("BIO_ctrl_pending");
        X509Free = (delegate* unmanaged<nint, void>)Find("X509_free");
        X509SubjectName = (delegate* unmanaged<nint, nint>)Find("X509_get_subject_name");
        X509NamePrint = (delegate* unmanaged<nint, nint, int, ulong, int>)Find("X509_NAME_print_ex");
        CrlFree = (delegate* unmanaged<nint, void>)Find("X509_CRL_free");
        KeyFree = (delegate* unmanaged<nint, void>)Find("EVP_PKEY_free");
        PemReadCertificate = (delegate* unmanaged<nint, nint, nint, byte*, nint>)Find("PEM_read_bio_X509");
        PemReadCrl = (delegate* unmanaged<nint, nint, nint, byte*, nint>)Find("PEM_read_bio_X509_CRL");
        PemReadKey = (delegate* unmanaged<nint, nint, nint, byte*, nint>)Find("PEM_read_bio_PrivateKey");
        StoreAddCertificate = (delegate* unmanaged<nint, nint, int>)Find("X509_STORE_add_cert");
        StoreAddCrl = (delegate* unmanaged<nint, nint, int>)Find("X509_STORE_add_crl");
        StoreSetFlags = (delegate* unmanaged<nint, uint, int>)Find("X509_STORE_set_flags");
        ParamSetHost = (delegate* unmanaged<nint, byte*, nuint, int>)Find("X509_VERIFY_PARAM_set1_host");
        ParamSetAddress = (delegate* unmanaged<nint, byte*, int>)Find("X509_VERIFY_PARAM_set1_ip_asc");
        ServerMethod = (delegate* unmanaged<nint>)Find("TLS_server_method");
        ClientMethod = (delegate* unmanaged<nint>)Find("TLS_client_method");
        ContextNew = (delegate* unmanaged<nint, nint>)Find("SSL_CTX_new");
        ContextFree = (delegate* unmanaged<nint, void>)Find("SSL_CTX_free");
        ContextControl = (delegate* unmanaged<nint, int, nint, nint, nint>)Find("SSL_CTX_ctrl");
        ContextSetOptions = (delegate* unmanaged<nint, ulong, ulong>)Find("SSL_CTX_set_options");
        ContextSetVerify = (delegate* unmanaged<nint, int, nint, void>)Find("SSL_CTX_set_verify");
        ContextSetCipherList = (delegate* unmanaged<nint, byte*, int>)Find("SSL_CTX_set_cipher_list");
        ContextSetCipherSuites = (delegate* unmanaged<nint, byte*, int>)Find("SSL_CTX_set_ciphersuites");
        ContextUseCertificate = (delegate* unmanaged<nint, nint, int>)Find("SSL_CTX_use_certificate");
        ContextUseKey = (delegate* unmanaged<nint, nint, int>)Find("SSL_CTX_use_PrivateKey");
        ContextCheckKey = (delegate* unmanaged<nint, int>)Find("SSL_CTX_check_private_key");
        ContextStore = (delegate* unmanaged<nint, nint>)Find("SSL_CTX_get_cert_store");
        ContextAddClientAuthority = (delegate* unmanaged<nint, nint, int>)Find("SSL_CTX_add_client_CA");
        ContextSetPskServer = (delegate* unmanaged<nint, delegate* unmanaged<nint, byte*, byte*, uint, uint>, void>)Find("SSL_CTX_set_psk_server_callback");
        ContextSetPskClient =
            (delegate* unmanaged<nint, delegate* unmanaged<nint, byte*, byte*, uint, byte*, uint, uint>, void>)Find("SSL_CTX_set_psk_client_callback");
        ContextSetData = (delegate* unmanaged<nint, int, nint, int>)Find("SSL_CTX_set_ex_data");
        ContextGetData = (delegate* unmanaged<nint, int, nint>)Find("SSL_CTX_get_ex_data");
        ContextSetTicketCount = (delegate* unmanaged<nint, nuint, int>)Find("SSL_CTX_set_num_tickets");
        SslNew = (delegate* unmanaged<nint, nint>)Find("SSL_new");
        SslFree = (delegate* unmanaged<nint, void>)Find("SSL_free");
        SslContext = (delegate* unmanaged<nint, nint>)Find("SSL_get_SSL_CTX");
        SslSetBio = (delegate* unmanaged<nint, nint, nint, void>)Find("SSL_set_bio");
        SslSetAccept = (delegate* unmanaged<nint, void>)Find("SSL_set_accept_state");
        SslSetConnect = (delegate* unmanaged<nint, void>)Find("SSL_set_connect_state");
        SslHandshake = (delegate* unmanaged<nint, int>)Find("SSL_do_handshake");
        SslRead = (delegate* unmanaged<nint, byte*, int, int>)Find("SSL_read");
        SslWrite = (delegate* unmanaged<nint, byte*, int, int>)Find("SSL_write");
        SslShutdown = (delegate* unmanaged<nint, int>)Find("SSL_shutdown");
        SslError = (delegate* unmanaged<nint, int, int>)Find("SSL_get_error");
        SslControl = (delegate* unmanaged<nint, int, nint, byte*, nint>)Find("SSL_ctrl");
        SslParam = (delegate* unmanaged<nint, nint>)Find("SSL_get0_param");
        SslVerifyResult = (delegate* unmanaged<nint, nint>)Find("SSL_get_verify_result");
        SslPeerCertificate = (delegate* unmanaged<nint, nint>)Find("SSL_get1_peer_certificate");
        SslVersion = (delegate* unmanaged<nint, byte*>)Find("SSL_get_version");
        SslKeyUpdate = (delegate* unmanaged<nint, int, int>)Find("SSL_key_update");
        if (missing != null)
            WhyNot = $"TLS needs OpenSSL 3, and this host's {SharedObject} has no {missing}";
    }

    /// <summary>Why there is no TLS on this host; null where the functions may be called.</summary>
    public static string? WhyNot { get; }

    /// <summary>Refuses what cannot be done without the library.</summary>
    /// <exception cref="TlsException">There is none, or an old one.</exception>
    public static void Demand()
    {
        if (WhyNot != null)
            throw new TlsException(WhyNot);
    }

    /// <summary>The newest error of the calling thread, in the library's words: "wrong version number".</summary>
    public static string LastError()
    {
        var text = Marshal.PtrToStringUTF8((nint)ErrReason(ErrPeekLast()));
        return text ?? "unknown error";
    }

    /// <summary>Text as the library takes it, with a zero byte at its end.</summary>
    public static byte[] ZeroEnded(string text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        _ = Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}
