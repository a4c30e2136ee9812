using System.Runtime.InteropServices;
using SQLitePCL;

namespace CdpMonolith.Platform.Store;

/// <summary>
/// The functions of SQLite that are called for every value and every row, without the counting of handles that the general
/// binding does at each call. Who calls keeps the statement open and its connection to one thread at a time.
/// </summary>
internal static unsafe class SqliteCalls
{
    private const string Library = "e_sqlite3";

    /// <summary>SQLite is to copy what is bound.</summary>
    private const nint Transient = -1;

    /// <summary>
    /// Connections without a lock of their own, as each is used by one thread at a time, and no counting of memory, which takes
    /// a lock of the whole process. Has an effect only before the first connection is opened.
    /// </summary>
    public static void SetUp()
    {
        Batteries_V2.Init();
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MULTITHREAD);
        _ = raw.sqlite3_config(raw.SQLITE_CONFIG_MEMSTATUS, 0);
    }

    [DllImport(Library, EntryPoint = "sqlite3_bind_int64"), SuppressGCTransition]
    public static extern int BindInt64(nint statement, int index, long value);

    [DllImport(Library, EntryPoint = "sqlite3_bind_double"), SuppressGCTransition]
    public static extern int BindDouble(nint statement, int index, double value);

    [DllImport(Library, EntryPoint = "sqlite3_bind_null"), SuppressGCTransition]
    public static extern int BindNull(nint statement, int index);

    [DllImport(Library, EntryPoint = "sqlite3_step")]
    public static extern int Step(nint statement);

    [DllImport(Library, EntryPoint = "sqlite3_reset")]
    public static extern int Reset(nint statement);

    [DllImport(Library, EntryPoint = "sqlite3_changes"), SuppressGCTransition]
    public static extern int Changes(nint db);

    [DllImport(Library, EntryPoint = "sqlite3_column_type"), SuppressGCTransition]
    public static extern int ColumnType(nint statement, int column);

    [DllImport(Library, EntryPoint = "sqlite3_column_int64"), SuppressGCTransition]
    public static extern long ColumnInt64(nint statement, int column);

    [DllImport(Library, EntryPoint = "sqlite3_column_double"), SuppressGCTransition]
    public static extern double ColumnDouble(nint statement, int column);

    public static int BindText(nint statement, int index, ReadOnlySpan<byte> utf8)
    {
        // An empty span may have no address, which SQLite would take for NULL.
        byte none = 0;
        fixed (byte* text = utf8)
        {
            return BindText(statement, index, text is null ? &none : text, utf8.Length, Transient);
        }
    }

    /// <summary>Valid until the statement moves on.</summary>
    public static ReadOnlySpan<byte> ColumnBytes(nint statement, int column)
    {
        var bytes = ColumnBlob(statement, column);
        return new ReadOnlySpan<byte>(bytes, bytes is null ? 0 : ColumnLength(statement, column));
    }

    [DllImport(Library, EntryPoint = "sqlite3_bind_text")]
    private static extern int BindText(nint statement, int index, byte* text, int length, nint destructor);

    [DllImport(Library, EntryPoint = "sqlite3_column_blob"), SuppressGCTransition]
    private static extern byte* ColumnBlob(nint statement, int column);

    [DllImport(Library, EntryPoint = "sqlite3_column_bytes"), SuppressGCTransition]
    private static extern int ColumnLength(nint statement, int column);
}
