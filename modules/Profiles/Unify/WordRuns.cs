using CdpMonolith.Platform.Store;
using CdpMonolith.Profiles.Storage;

namespace CdpMonolith.Profiles.Unify;

/// <summary>Puts waiting words into their table by sorted runs, a piece of a run with each batch that the stage takes. For one stage at a time.</summary>
internal sealed class WordRuns(IStore store)
{
    /// <summary>So many waiting rows, one for a batch, are worth a run while there is other work: a page of the table then gets many words at once.</summary>
    private const int RowsInRun = 64;
    private const int PieceLength = 8192;

    private List<(Word Word, bool IsAdded)> _run = [];
    private long _lastId;
    private int _done;
    private int _rows;
    private int _piece;

    /// <summary>A batch that brought words was committed, and with it the piece that was written.</summary>
    public void Committed(bool broughtWords)
    {
        _rows += broughtWords ? 1 : 0;
        _done += _piece;
        _piece = 0;
        if (_run.Count > 0 && _done == _run.Count)
        {
            _run = [];
        }
    }

    /// <summary>What was written last did not come to disk; what waits is read again.</summary>
    public void Clear() => (_run, _done, _piece) = ([], 0, 0);

    /// <summary>The next piece to be written.</summary>
    /// <param name="isQuiet">There is no other work: whatever waits is worth a run.</param>
    /// <returns>Null: nothing is due.</returns>
    public Action<WriteSession>? Next(bool isQuiet)
    {
        if (_run.Count == 0)
        {
            if (isQuiet ? !store.Read(WordStore.IsAnyDue) : _rows < RowsInRun)
            {
                return null;
            }

            (_run, _lastId) = store.Read(WordStore.Due);
            (_done, _rows) = (0, 0);
            if (_run.Count == 0)
            {
                return null;
            }
        }

        _piece = Math.Min(PieceLength, _run.Count - _done);
        var (run, from, count, lastId) = (_run, _done, _piece, _lastId);
        return write =>
        {
            WordStore.Settle(write, run.Skip(from).Take(count));
            if (from + count == run.Count)
            {
                WordStore.Forget(write, lastId);
            }
        };
    }
}
