using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BlockUring.Native.Interop;

namespace BlockUring.NativeTests.Abi;

/// <summary>
/// What the interop believes: every struct, field, enum member and integer constant of its namespace, in the words of abi.c. Layouts are
/// measured on live values, not taken from attributes.
/// </summary>
internal static class InteropFacts
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    // The engine's own words for what the kernel says; their values never reach it.
    private static readonly Type[] NotOfTheKernel = [typeof(FileKind), typeof(FileStatus), typeof(OpenFlags)];

    public static IReadOnlyDictionary<string, string> Read()
    {
        var facts = new Dictionary<string, string>();
        foreach (var type in typeof(Kernel).Assembly.GetTypes())
        {
            if (type.Namespace == typeof(Kernel).Namespace && !type.IsNested && !NotOfTheKernel.Contains(type))
                Describe(type, facts);
        }

        return facts;
    }

    private static void Describe(Type type, Dictionary<string, string> facts)
    {
        if (type.IsEnum)
        {
            foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static))
                facts.Add($"{type.Name}.{field.Name}", Number(field.GetRawConstantValue()!));
            return;
        }

        foreach (var field in type.GetFields(All).Where(f => f.IsLiteral && f.FieldType != typeof(string)))
            facts.Add($"{type.Name}.{field.Name}", Number(field.GetRawConstantValue()!));
        if (!type.IsValueType)
            return;
        facts.Add($"{type.Name}.size", Measure(nameof(SizeOf), type).ToString()!);
        foreach (var field in type.GetFields(All).Where(f => !f.IsStatic))
            facts.Add($"{type.Name}.{NameOf(field)}", (string)Measure(nameof(Place), type, field.FieldType, field));
    }

    // Negative constants are compared as the C program prints them.
    private static string Number(object value) =>
        value is ulong big ? big.ToString() : unchecked((ulong)Convert.ToInt64(value)).ToString();

    // An automatic property's field goes by the name of the property.
    private static string NameOf(FieldInfo field) =>
        field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name;

    private static object Measure(string method, Type type) =>
        typeof(InteropFacts).GetMethod(method, All)!.MakeGenericMethod(type).Invoke(null, [])!;

    private static object Measure(string method, Type type, Type fieldType, FieldInfo field) =>
        typeof(InteropFacts).GetMethod(method, All)!.MakeGenericMethod(type, fieldType).Invoke(null, [field])!;

    private static int SizeOf<T>()
        where T : unmanaged => Unsafe.SizeOf<T>();

    // Sets every bit of the field and looks for the bytes that changed.
    private static string Place<T, TField>(FieldInfo field)
        where T : unmanaged
        where TField : unmanaged
    {
        Span<byte> ones = stackalloc byte[Unsafe.SizeOf<TField>()];
        ones.Fill(0xff);
        object box = default(T);
        field.SetValue(box, MemoryMarshal.Read<TField>(ones));
        var value = (T)box;
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        return $"{bytes.IndexOf((byte)0xff)} {bytes.Count((byte)0xff)}";
    }
}
